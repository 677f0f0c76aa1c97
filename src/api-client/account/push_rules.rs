//! `/pushrules`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Caller, Ruma, RumaResponse};
use ruma::{
    api::client::push::{
        delete_pushrule, get_pushrule, get_pushrule_actions, get_pushrule_enabled,
        get_pushrules_all, get_pushrules_global_scope, set_pushrule, set_pushrule_actions,
        set_pushrule_enabled,
    },
    push::{AnyPushRule, RuleKind},
};

use crate::error::Error;

pub(crate) async fn get_all_push_rules(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_pushrules_all::v3::Request>,
) -> Result<RumaResponse<get_pushrules_all::v3::Response>, Error> {
    let rules = accounts.push_rules(&caller.user).await?;
    Ok(RumaResponse(get_pushrules_all::v3::Response::new(rules)))
}

pub(crate) async fn get_global_push_rules(
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<get_pushrules_global_scope::v3::Request>,
) -> Result<RumaResponse<get_pushrules_global_scope::v3::Response>, Error> {
    let rules = accounts.push_rules(&caller.user).await?;
    Ok(RumaResponse(get_pushrules_global_scope::v3::Response::new(rules)))
}

pub(crate) async fn get_push_rule(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_pushrule::v3::Request>,
) -> Result<RumaResponse<get_pushrule::v3::Response>, Error> {
    let rule = known_rule(&accounts, &caller, request.kind, &request.rule_id).await?;
    Ok(RumaResponse(get_pushrule::v3::Response::new(rule.into())))
}

pub(crate) async fn set_push_rule(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<set_pushrule::v3::Request>,
) -> Result<RumaResponse<set_pushrule::v3::Response>, Error> {
    let (after, before) = (request.after.as_deref(), request.before.as_deref());
    accounts.put_push_rule(&caller.user, &request.rule, after, before).await?;
    Ok(RumaResponse(set_pushrule::v3::Response::new()))
}

pub(crate) async fn delete_push_rule(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_pushrule::v3::Request>,
) -> Result<RumaResponse<delete_pushrule::v3::Response>, Error> {
    accounts.delete_push_rule(&caller.user, &request.kind, &request.rule_id).await?;
    Ok(RumaResponse(delete_pushrule::v3::Response::new()))
}

pub(crate) async fn get_push_rule_actions(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_pushrule_actions::v3::Request>,
) -> Result<RumaResponse<get_pushrule_actions::v3::Response>, Error> {
    let rule = known_rule(&accounts, &caller, request.kind, &request.rule_id).await?;
    let actions = rule.as_ref().actions().to_vec();
    Ok(RumaResponse(get_pushrule_actions::v3::Response::new(actions)))
}

pub(crate) async fn set_push_rule_actions(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<set_pushrule_actions::v3::Request>,
) -> Result<RumaResponse<set_pushrule_actions::v3::Response>, Error> {
    let (kind, id) = (&request.kind, &request.rule_id);
    accounts.set_push_rule_actions(&caller.user, kind, id, &request.actions).await?;
    Ok(RumaResponse(set_pushrule_actions::v3::Response::new()))
}

pub(crate) async fn get_push_rule_enabled(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_pushrule_enabled::v3::Request>,
) -> Result<RumaResponse<get_pushrule_enabled::v3::Response>, Error> {
    let rule = known_rule(&accounts, &caller, request.kind, &request.rule_id).await?;
    Ok(RumaResponse(get_pushrule_enabled::v3::Response::new(rule.as_ref().enabled())))
}

pub(crate) async fn set_push_rule_enabled(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<set_pushrule_enabled::v3::Request>,
) -> Result<RumaResponse<set_pushrule_enabled::v3::Response>, Error> {
    let (kind, id) = (&request.kind, &request.rule_id);
    accounts.set_push_rule_enabled(&caller.user, kind, id, request.enabled).await?;
    Ok(RumaResponse(set_pushrule_enabled::v3::Response::new()))
}

async fn known_rule(
    accounts: &Accounts,
    caller: &Caller,
    kind: RuleKind,
    rule_id: &str,
) -> Result<AnyPushRule, Error> {
    let rule = accounts.push_rule(&caller.user, kind, rule_id).await?;
    Ok(match rule.ok_or_else(|| ApiError::not_found("there is no such push rule"))? {
        // To clients these look alike, and ruma renders only the one.
        AnyPushRule::PostContent(rule) => AnyPushRule::Override(rule),
        rule => rule,
    })
}
