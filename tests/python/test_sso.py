"""Login through a real OpenID Connect provider, which runs as a process beside the server."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from html import unescape
from http.cookiejar import CookieJar

import pytest
from servers import BINARY, Hearth, call, free_port, wait_for

CLIENT = "https://client.hearth.test/app"
STRANGER = "https://stranger.hearth.test/app"

pytestmark = pytest.mark.skipif(not BINARY, reason="HEARTH_BIN names no server to start")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Keeps cookies, and follows redirects one by one."""

    def __init__(self):
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self.opener = urllib.request.build_opener(cookies, NoRedirects())

    def open(self, url, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            reply = self.opener.open(url, data, timeout=30)
        except urllib.error.HTTPError as error:
            reply = error
        return reply.status, reply.headers, reply.read().decode()

    def to_provider(self, url):
        status, headers, body = self.open(url)
        assert status == 302, body
        return headers["Location"]

    def log_in_at(self, authorize_url, subject):
        """The person logs in at the provider, which answers where to go back to."""
        status, headers, body = self.open(authorize_url, {"sub": subject})
        assert status == 302, body
        return headers["Location"]

    def log_in(self, server, provider, subject, client=CLIENT):
        """All the way to the answer of the server's callback."""
        start = redirect_url(server, provider, client)
        return self.open(self.log_in_at(self.to_provider(start), subject))


def redirect_url(server, provider, client):
    query = urllib.parse.urlencode({"redirectUrl": client})
    return f"{server}/_matrix/client/v3/login/sso/redirect/{provider}?{query}"


def login_token(location):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["loginToken"][0]


def use_token(server, token):
    body = {"type": "m.login.token", "token": token}
    return call("POST", f"{server}/_matrix/client/v3/login", body)


@pytest.fixture(scope="module")
def provider():
    port = free_port()
    options = ["--port", str(port), "--require-nonce", "true"]
    command = [sys.executable, "-m", "oidc_provider_mock", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        issuer = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{issuer}/.well-known/openid-configuration")
            yield issuer
        finally:
            process.terminate()


def person(provider, subject, **claims):
    body = json.dumps(claims).encode()
    request = urllib.request.Request(f"{provider}/users/{subject}", body, method="PUT")
    request.add_header("Content-Type", "application/json")
    assert urllib.request.urlopen(request, timeout=30).status == 204


def settings(provider):
    common = 'client_id = "hearth"\nclient_secret = "secret"\nscopes = ["profile", "email"]\n'
    other = provider.replace("127.0.0.1", "localhost")
    return f"""
[[oidc]]
id = "main"
name = "Main & <Co>"
icon = "mxc://hearth.test/icon"
brand = "github"
issuer = "{provider}"
{common}localpart = "{{preferred_username}}"
display_name = "{{name}}"

[[oidc]]
id = "twin"
name = "The same people, another issuer"
issuer = "{other}"
{common}localpart = "twin_{{preferred_username}}"

[[oidc]]
id = "slash"
name = "An issuer that is not the provider's to the letter"
issuer = "{provider}/"
{common}localpart = "{{preferred_username}}"

[[oidc]]
id = "closed"
name = "Only those who are known"
issuer = "{provider}"
{common}localpart = "{{preferred_username}}"
allow_registration = false

[sso]
trusted_redirects = ["{CLIENT}"]
"""


@pytest.fixture(scope="module")
def server(provider, tmp_path_factory):
    with Hearth(tmp_path_factory.mktemp("hearth"), settings(provider)).running() as url:
        yield url


def test_the_login_flow_names_the_providers(server):
    status, body = call("GET", f"{server}/_matrix/client/v3/login")
    assert status == 200
    flow = next(flow for flow in body["flows"] if flow["type"] == "m.login.sso")
    assert flow["identity_providers"][0] == {
        "id": "main", "name": "Main & <Co>", "icon": "mxc://hearth.test/icon", "brand": "github",
    }
    ids = [each["id"] for each in flow["identity_providers"]]
    assert ids == ["main", "twin", "slash", "closed"]


def test_a_person_gets_an_account_and_comes_back_to_it(server, provider):
    person(provider, "1234", preferred_username="Alice", name="Alice L.")
    users = set()
    for _ in range(2):
        status, headers, body = Browser().log_in(server, "main", "1234")
        assert status == 302, body
        assert headers["Location"].startswith(CLIENT + "?loginToken=")
        token = login_token(headers["Location"])
        status, session = use_token(server, token)
        assert status == 200, session
        users.add(session["user_id"])
        status, refused = use_token(server, token)
        assert (status, refused["errcode"]) == (403, "M_FORBIDDEN")
    assert users == {"@alice:hearth.test"}
    _, profile = call("GET", f"{server}/_matrix/client/v3/profile/@alice:hearth.test")
    assert profile["displayname"] == "Alice L."


def test_only_the_exact_subject_and_issuer_lead_to_the_account(server, provider):
    person(provider, "77", preferred_username="carol")
    assert Browser().log_in(server, "main", "77")[0] == 302
    # Subjects that contain it, or are contained in it, with the same claims.
    for subject in ["7", "777", "x77", "77x"]:
        person(provider, subject, preferred_username="carol", email="carol@hearth.test")
        status, _, body = Browser().log_in(server, "main", subject)
        assert status == 403, body
        assert "belongs to somebody else" in body
    # The same subject at another issuer is another person.
    status, headers, body = Browser().log_in(server, "twin", "77")
    assert status == 302, body
    _, session = use_token(server, login_token(headers["Location"]))
    assert session["user_id"] == "@twin_carol:hearth.test"
    # An issuer that differs in one character is not believed.
    status, _, body = Browser().open(redirect_url(server, "slash", CLIENT))
    assert status == 502, body


def test_an_account_with_a_password_is_never_taken_over(server, provider):
    body = {"username": "dave", "password": "a long password", "auth": {"type": "m.login.dummy"}}
    status, _ = call("POST", f"{server}/_matrix/client/v3/register", body)
    assert status == 200
    person(provider, "dave", preferred_username="dave", email="dave@hearth.test")
    status, _, body = Browser().log_in(server, "main", "dave")
    assert status == 403 and "belongs to somebody else" in body


def test_an_administrator_links_an_account(provider, tmp_path):
    hearth = Hearth(tmp_path, settings(provider))
    hearth.command("user", "create", "kate")
    link = ["user", "link", "kate", "--issuer", provider, "--subject", "k-1"]
    assert "may log in as @kate:hearth.test" in hearth.command(*link)
    person(provider, "k-1", preferred_username="somebody_else")
    with hearth.running() as url:
        status, headers, body = Browser().log_in(url, "main", "k-1")
        assert status == 302, body
        _, session = use_token(url, login_token(headers["Location"]))
        assert session["user_id"] == "@kate:hearth.test"


def test_a_closed_provider_lets_only_known_people_in(server, provider):
    person(provider, "erin", preferred_username="erin")
    assert Browser().log_in(server, "closed", "erin")[0] == 403
    assert Browser().log_in(server, "main", "erin")[0] == 302
    assert Browser().log_in(server, "closed", "erin")[0] == 302


def test_a_login_belongs_to_the_browser_that_began_it(server, provider):
    person(provider, "frank", preferred_username="frank")
    browser = Browser()
    start = browser.to_provider(redirect_url(server, "main", CLIENT))
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(start).query)
    assert query["code_challenge_method"] == ["S256"] and query["nonce"] and query["state"]
    back = browser.log_in_at(start, "frank")
    assert Browser().open(back)[0] == 400, "no cookie"
    another = Browser()
    another.to_provider(redirect_url(server, "main", CLIENT))
    assert another.open(back)[0] == 400, "another cookie"
    assert browser.open(back.replace("state=", "state=x"))[0] == 400, "another state"
    assert browser.open(back)[0] == 302
    assert browser.open(back)[0] == 400, "used"


def test_a_refusal_and_a_wrong_code_are_told(server, provider):
    browser = Browser()
    start = browser.to_provider(redirect_url(server, "main", CLIENT))
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(start).query)["state"][0]
    callback = f"{server}/_hearth/sso/callback?state={state}"
    status, headers, body = browser.open(callback + "&error=%3Cscript%3E")
    assert status == 403 and "&lt;script&gt;" in body and "<script>" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    start = browser.to_provider(redirect_url(server, "main", CLIENT))
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(start).query)["state"][0]
    status, _, _ = browser.open(f"{server}/_hearth/sso/callback?state={state}&code=made-up")
    assert status == 502
    start = browser.to_provider(redirect_url(server, "main", CLIENT))
    back = browser.log_in_at(start, "mallory")
    assert browser.open(back + "&iss=https%3A%2F%2Fevil.test")[0] == 502, "another issuer answers"


def test_a_stranger_gets_a_token_only_when_the_person_goes_on(server, provider):
    person(provider, "grace", preferred_username="grace")
    status, _, body = Browser().log_in(server, "main", "grace", STRANGER)
    assert status == 200
    assert "https://stranger.hearth.test" in body and "@grace:hearth.test" in body
    link = unescape(re.search(r'href="([^"]*loginToken[^"]*)"', body)[1])
    assert link.startswith(STRANGER + "?loginToken=")
    assert use_token(server, login_token(link))[0] == 200


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "/relative", ""])
def test_what_is_no_application_is_refused(server, target):
    assert Browser().open(redirect_url(server, "main", target))[0] == 400


def test_unknown_providers_are_told_and_known_ones_offered(server):
    assert Browser().open(redirect_url(server, "nobody", CLIENT))[0] == 404
    query = urllib.parse.urlencode({"redirectUrl": CLIENT})
    status, _, body = Browser().open(f"{server}/_matrix/client/v3/login/sso/redirect?{query}")
    assert status == 200
    assert "Main &amp; &lt;Co&gt;" in body and "redirect/twin?redirectUrl=" in body


def test_a_deactivated_user_stays_out(server, provider):
    person(provider, "heidi", preferred_username="heidi")
    browser = Browser()
    _, headers, _ = browser.log_in(server, "main", "heidi")
    _, session = use_token(server, login_token(headers["Location"]))
    confirmed(browser, server, provider, "heidi", session, "POST", "account/deactivate", {})
    _, headers, _ = Browser().log_in(server, "main", "heidi")
    status, refused = use_token(server, login_token(headers["Location"]))
    assert (status, refused["errcode"]) == (403, "M_USER_DEACTIVATED")


def confirmed(browser, server, provider, subject, session, method, path, body):
    """A request that wants to know who it is once more, completed in the browser."""
    url = f"{server}/_matrix/client/v3/{path}"
    status, challenge = call(method, url, body, session["access_token"])
    assert status == 401, challenge
    assert challenge["flows"] == [{"stages": ["m.login.sso"]}]
    query = urllib.parse.urlencode({"session": challenge["session"]})
    fallback = f"{server}/_matrix/client/v3/auth/m.login.sso/fallback/web?{query}"
    status, headers, page = browser.open(fallback)
    assert status == 200 and "text/html" in headers["Content-Type"], page
    link = unescape(re.search(r'href="([^"]*)"', page)[1])
    status, _, page = browser.open(browser.log_in_at(link, subject))
    if status != 200:
        return status, page
    assert "onAuthDone" in page and "authDone" in page
    body = {**body, "auth": {"session": challenge["session"]}}
    return call(method, url, body, session["access_token"])


def test_who_has_no_password_confirms_at_the_provider(server, provider):
    person(provider, "ivan", preferred_username="ivan")
    person(provider, "judy", preferred_username="judy")
    browser = Browser()
    _, headers, _ = browser.log_in(server, "main", "ivan")
    _, ivan = use_token(server, login_token(headers["Location"]))
    Browser().log_in(server, "main", "judy")
    status, _ = confirmed(
        browser, server, provider, "judy", ivan, "DELETE", f"devices/{ivan['device_id']}", {}
    )
    assert status == 403, "somebody else cannot confirm it"
    status, answer = confirmed(
        browser, server, provider, "ivan", ivan, "DELETE", f"devices/{ivan['device_id']}", {}
    )
    assert (status, answer) == (200, {})
    url = f"{server}/_matrix/client/v3/account/whoami"
    assert call("GET", url, None, ivan["access_token"])[0] == 401, "the device is gone"
