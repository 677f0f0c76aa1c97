//! `POST /attachments/upload`.

use std::time::Duration;

use axum::{
    extract::{
        Multipart, State,
        multipart::{Field, MultipartError, MultipartRejection},
    },
    response::IntoResponse,
};
use bytes::{Bytes, BytesMut};
use futures::stream;
use hearth_media::{MediaId, Upload, attachment_type};
use http::StatusCode;
use ruma::UserId;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::ATTACHMENT_BYTES_MAX;
use crate::{Caller, ChatApi, Json, Problem, problem::ProblemDocument, views::Attachment};

/// Longest time between two pieces of a file.
const PIECE_TIME_MAX: Duration = Duration::from_secs(60);

/// A form with a file.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes the form, which is read piece by piece")]
struct UploadForm {
    /// The file: a picture (JPEG, PNG, GIF, WebP), a document (PDF, DOC, DOCX) or an archive (ZIP)
    /// of at most 10 MiB. Its content says what it is, not its name.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Upload a file
///
/// Nobody else can see it before it is sent with a message. If the server has a scanner for
/// malware, it looks at the file first.
#[utoipa::path(
    post,
    path = "/attachments/upload",
    tag = "attachments",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The file was uploaded", body = Attachment),
        (status = 413, description = "The file is too large", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 415, description = "The file is of another type",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The scanner for malware is away",
         body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn upload_attachment(
    State(api): State<ChatApi>,
    caller: Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Result<impl IntoResponse, Problem> {
    let form = form.map_err(|rejection| Problem::invalid_field("", rejection.body_text()))?;
    let (filename, content) = file_of(form).await?;
    let unknown =
        "it is none of the types that are allowed: jpg, png, gif, webp, pdf, doc, docx, zip";
    let refused = || Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-type", unknown);
    let content_type = attachment_type(&content).ok_or_else(refused)?;
    let user = caller.user_id().to_owned();
    // It goes on if the client goes away, so that a file is either kept or cleaned up.
    let (keeper, tasks) = (api.clone(), api.tasks.clone());
    let kept =
        tasks.spawn(async move { keep(&keeper, &user, filename, content_type, content).await });
    let attachment = kept.await.map_err(Problem::internal)??;
    Ok((StatusCode::CREATED, Json(attachment)))
}

async fn keep(
    api: &ChatApi,
    user: &UserId,
    filename: Option<String>,
    content_type: &str,
    content: Bytes,
) -> Result<Attachment, Problem> {
    let body = stream::iter([Ok::<_, String>(content)]);
    let upload = Upload { content_type: Some(content_type.to_owned()), filename, body };
    let uri = api.media.upload(user, upload).await?;
    let gone = || Problem::internal("an upload is gone");
    let media_id = uri.media_id().ok().and_then(MediaId::parse).ok_or_else(gone)?;
    let info = api.media.info(media_id.as_str()).await?.ok_or_else(gone)?;
    Ok(Attachment::uploaded(&api.settings, &media_id, info))
}

/// The name and content of the field `file`; other fields are passed over.
async fn file_of(mut form: Multipart) -> Result<(Option<String>, Bytes), Problem> {
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            let filename = field.file_name().map(str::to_owned);
            return Ok((filename, content_of(field).await?));
        }
    }
    Err(Problem::invalid_field("file", "it is missing"))
}

async fn content_of(mut field: Field<'_>) -> Result<Bytes, Problem> {
    let (mut content, mut size_bytes) = (BytesMut::new(), 0);
    loop {
        let stalled = |_| Problem::invalid_field("file", "nothing came for too long");
        let piece = timeout(PIECE_TIME_MAX, field.chunk()).await.map_err(stalled)?;
        let Some(piece) = piece.map_err(unreadable)? else {
            break;
        };
        size_bytes += piece.len();
        if size_bytes <= ATTACHMENT_BYTES_MAX {
            content.extend_from_slice(&piece);
        } else {
            // Who is interrupted does not hear why: the rest is read, and not kept.
            content.clear();
        }
    }
    if size_bytes > ATTACHMENT_BYTES_MAX { Err(too_large()) } else { Ok(content.freeze()) }
}

fn unreadable(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::invalid_field("", error.body_text()),
    }
}

fn too_large() -> Problem {
    let detail = format!("an attachment has at most {ATTACHMENT_BYTES_MAX} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}
