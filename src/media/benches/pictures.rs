//! What a picture costs: its upload, its first thumbnail, and every thumbnail after that.
//!
//! A photo-like PNG of 1500×1000 pixels and about 1.4 MB; blobs on disk, metadata in memory.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::{io::Cursor, time::Duration};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures::{TryStreamExt, stream};
use hearth_base::{Clock, Random};
use hearth_media::{Media, Settings, ThumbnailRequest, Upload, local_blobs};
use hearth_store::{MemoryEngine, Store};
use image::{ImageFormat, RgbImage};
use ruma::{OwnedMxcUri, media::Method, server_name, user_id};
use tokio::runtime::Runtime;

fn picture() -> Vec<u8> {
    let mut noise = 1_u32;
    let pixels = RgbImage::from_fn(1_500, 1_000, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let shade =
            |at: u32, of: u32, shift: u32| ((at * 240 / of + (noise >> shift) % 4) % 256) as u8;
        image::Rgb([shade(x, 1_500, 28), shade(y, 1_000, 24), shade(x + y, 2_500, 20)])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Uploads the picture with a few bytes of its own behind it, so that it is a new content.
async fn upload(media: &Media, picture: &[u8], random: &Random) -> OwnedMxcUri {
    let content = Bytes::from([picture, &random.bytes::<8>()].concat());
    let upload = Upload {
        content_type: Some("image/png".to_owned()),
        filename: None,
        body: stream::iter([Ok::<_, String>(content)]),
    };
    media.upload(user_id!("@alice:hearth"), upload).await.unwrap()
}

async fn thumbnail(media: &Media, uri: &OwnedMxcUri) -> usize {
    let (server_name, media_id) = uri.parts().unwrap();
    let wanted = ThumbnailRequest { width: 320, height: 240, method: Method::Scale };
    let made = media.thumbnail(server_name, media_id, &wanted, Duration::ZERO).await;
    let answer = made.unwrap().unwrap().answer(&http::Method::GET, &http::HeaderMap::new());
    let body: Vec<_> = answer.into_body().try_collect().await.unwrap();
    body.iter().map(Bytes::len).sum()
}

fn pictures(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let random = Random::seeded(1);
    let media = runtime.block_on(async {
        Media::new(
            Store::new(MemoryEngine::new()),
            local_blobs(directory.path()).unwrap(),
            Clock::system(),
            random.clone(),
            Settings::new(server_name!("hearth").to_owned()),
        )
    });
    let picture = picture();
    let new = || runtime.block_on(upload(&media, &picture, &random));

    let mut group = criterion.benchmark_group(format!("picture_of_{}_bytes", picture.len()));
    group.sample_size(30);
    group.bench_function("upload", |bench| bench.iter(new));
    group.bench_function("first_thumbnail", |bench| {
        let draw = |uri| runtime.block_on(thumbnail(&media, &uri));
        bench.iter_batched(new, draw, BatchSize::PerIteration);
    });
    let uri = new();
    group.bench_function("later_thumbnail", |bench| {
        bench.iter(|| runtime.block_on(thumbnail(&media, &uri)));
    });
    group.finish();
}

criterion_group!(benches, pictures);
criterion_main!(benches);
