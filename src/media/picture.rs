//! Making a picture smaller: the only place that decodes what a stranger uploaded.
//!
//! The format is what the first bytes say, one of four; whatever else the file may also be, it is
//! never looked at, and only pixels reach the result. Size and cost are known from the header
//! before anything is decoded. Of an animation, the first frame is drawn.

use std::io::Cursor;

use bytes::Bytes;
use hearth_base::Clock;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    metadata::Orientation,
};

use crate::{
    MediaError,
    limits::{DECODER_BYTES, DECODER_BYTES_PER_PIXEL, JPEG_SCANS_MAX},
    scans::{UntilDeadline, jpeg_scans},
    shrink::shrink,
    size::{Drawing, Size},
    tables::ThumbnailFormat,
};

/// Quality of thumbnails in JPEG, of 100.
const JPEG_QUALITY: u8 = 85;
/// How many bytes tell the format.
pub(crate) const MAGIC_BYTES: u64 = 12;

/// What decoding may cost.
pub(crate) struct Budget<'a> {
    pub max_pixels: u64,
    pub clock: &'a Clock,
    pub deadline_ms: u64,
}

/// A thumbnail, encoded.
pub(crate) struct Drawn {
    pub format: ThumbnailFormat,
    pub bytes: Bytes,
}

/// The format that a file begins like, if it is one of those that are decoded.
pub(crate) fn sniff(start: &[u8]) -> Option<ImageFormat> {
    match start {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(ImageFormat::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// Width and height of a picture as its header says, if it is one that is decoded.
pub(crate) fn dimensions(source: &[u8]) -> Option<(ImageFormat, u32, u32)> {
    let format = sniff(source)?;
    let (width, height) =
        ImageReader::with_format(Cursor::new(source), format).into_dimensions().ok()?;
    Some((format, width, height))
}

/// Draws `source` at `size`. Takes milliseconds to seconds of a processor: not for the runtime.
pub(crate) fn draw(source: &[u8], size: Size, budget: &Budget<'_>) -> Result<Drawn, MediaError> {
    let format = sniff(source).ok_or(MediaError::NotThumbnailable)?;
    if format == ImageFormat::Jpeg && jpeg_scans(source) > JPEG_SCANS_MAX {
        return Err(MediaError::TooLargeToThumbnail);
    }
    let (picture, orientation) = decode(source, format, budget)?;
    let mut small = redraw(&picture, size, orientation);
    small.apply_orientation(orientation);
    encode(small)
}

fn decode(
    source: &[u8],
    format: ImageFormat,
    budget: &Budget<'_>,
) -> Result<(DynamicImage, Orientation), MediaError> {
    let input = UntilDeadline::new(source, budget.clock, budget.deadline_ms);
    let max_bytes = budget.max_pixels.saturating_mul(DECODER_BYTES_PER_PIXEL) + DECODER_BYTES;
    let mut limits = Limits::default();
    limits.max_alloc = Some(max_bytes);
    let mut reader = ImageReader::with_format(input, format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(MediaError::NotThumbnailable);
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > budget.max_pixels || decoder.total_bytes() > max_bytes {
        return Err(MediaError::TooLargeToThumbnail);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    Ok((picture, orientation))
}

fn undecodable(error: ImageError) -> MediaError {
    match error {
        ImageError::Limits(_) => MediaError::TooLargeToThumbnail,
        _ => MediaError::NotThumbnailable,
    }
}

/// The picture at its new size, not turned yet.
fn redraw(picture: &DynamicImage, size: Size, orientation: Orientation) -> DynamicImage {
    let turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = (picture.width(), picture.height());
    let drawing =
        if turned { transposed(size.drawing(height, width)) } else { size.drawing(width, height) };
    let (x, y, part_width, part_height) = drawing.part;
    if (part_width, part_height) == (width, height) {
        shrink(picture, drawing.width, drawing.height)
    } else {
        let part = picture.crop_imm(x, y, part_width, part_height);
        shrink(&part, drawing.width, drawing.height)
    }
}

const fn transposed(drawing: Drawing) -> Drawing {
    let (x, y, width, height) = drawing.part;
    Drawing { part: (y, x, height, width), width: drawing.height, height: drawing.width }
}

fn encode(small: DynamicImage) -> Result<Drawn, MediaError> {
    let mut bytes = Cursor::new(Vec::new());
    let transparent = small.color().has_alpha() && {
        let pixels = small.to_rgba8();
        pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX)
    };
    let (format, encoded) = if transparent {
        let pixels = small.into_rgba8();
        (ThumbnailFormat::Png, pixels.write_with_encoder(PngEncoder::new(&mut bytes)))
    } else {
        let pixels = small.into_rgb8();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        (ThumbnailFormat::Jpeg, pixels.write_with_encoder(encoder))
    };
    encoded.map_err(undecodable)?;
    Ok(Drawn { format, bytes: bytes.into_inner().into() })
}

#[cfg(test)]
mod tests {
    use image::{ColorType, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;
    use crate::test_media::{crc32, jpeg, jpeg_turned, png};

    fn draw_with(source: &[u8], size: Size, max_pixels: u64) -> Result<DynamicImage, MediaError> {
        let budget = Budget { max_pixels, clock: &Clock::manual(0), deadline_ms: 1 };
        let drawn = draw(source, size, &budget)?;
        Ok(image::load_from_memory(&drawn.bytes).unwrap())
    }

    fn drawn(source: &[u8], size: Size) -> Result<DynamicImage, MediaError> {
        draw_with(source, size, 1_000_000)
    }

    fn encoded(picture: &RgbaImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn each_format_is_drawn() {
        let red = RgbaImage::from_pixel(640, 480, Rgba([255, 0, 0, 255]));
        for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let small = drawn(&encoded(&red, format), Size::Scale320).unwrap().into_rgb8();
            assert_eq!(small.dimensions(), (320, 240));
            assert!(small.get_pixel(100, 100).0[0] > 240, "{format:?}");
        }
        let small = drawn(&jpeg(900, 600), Size::Crop96).unwrap();
        assert_eq!((small.width(), small.height()), (96, 96));
    }

    #[test]
    fn transparency_is_kept_and_opaque_pictures_lose_their_alpha() {
        let glass = RgbaImage::from_pixel(50, 50, Rgba([0, 0, 255, 100]));
        let small = drawn(&encoded(&glass, ImageFormat::Png), Size::Crop32).unwrap();
        assert_eq!(small.color(), ColorType::Rgba8);
        assert_eq!(small.into_rgba8().get_pixel(5, 5).0[3], 100);
        let wall = RgbaImage::from_pixel(50, 50, Rgba([0, 0, 255, 255]));
        let small = drawn(&encoded(&wall, ImageFormat::Png), Size::Crop32).unwrap();
        assert_eq!(small.color(), ColorType::Rgb8);
    }

    #[test]
    fn small_pictures_keep_their_size() {
        let small = drawn(&png(20, 10), Size::Scale800).unwrap();
        assert_eq!((small.width(), small.height()), (20, 10));
    }

    #[test]
    fn the_camera_decides_what_is_up() {
        let small = drawn(&jpeg_turned(800, 400), Size::Scale320).unwrap();
        assert_eq!((small.width(), small.height()), (120, 240));
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut bomb = png(10, 10);
        bomb[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let checksum = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        let refused = drawn(&bomb, Size::Crop32);
        assert!(matches!(refused, Err(MediaError::TooLargeToThumbnail)));
        assert!(matches!(
            draw_with(&png(101, 100), Size::Crop32, 10_000),
            Err(MediaError::TooLargeToThumbnail)
        ));
    }

    #[test]
    fn a_jpeg_of_endless_scans_is_refused() {
        let mut slow = jpeg(64, 64);
        let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
        slow.extend(scan.repeat(JPEG_SCANS_MAX + 1));
        let refused = drawn(&slow, Size::Crop32);
        assert!(matches!(refused, Err(MediaError::TooLargeToThumbnail)));
    }

    #[test]
    fn truncated_pictures_are_refused_or_drawn_but_never_panic() {
        for whole in [png(64, 64), jpeg(64, 64)] {
            for length in 0..whole.len().min(400) {
                let _ = drawn(&whole[..length], Size::Crop32);
            }
            assert!(drawn(&whole[..20], Size::Crop32).is_err());
        }
    }

    #[test]
    fn a_file_of_two_formats_is_what_it_begins_like_and_only_pixels_pass() {
        let page = b"<html><script>alert(1)</script></html>";
        let both = [png(50, 50).as_slice(), page].concat();
        let budget = Budget { max_pixels: 10_000, clock: &Clock::manual(0), deadline_ms: 1 };
        let small = draw(&both, Size::Crop32, &budget).unwrap();
        assert!(!small.bytes.windows(8).any(|part| part == b"<script>"));
        let other_way = [page.as_slice(), &png(50, 50)].concat();
        assert!(matches!(drawn(&other_way, Size::Crop32), Err(MediaError::NotThumbnailable)));
    }

    #[test]
    fn no_other_format_is_decoded() {
        for start in ["BM", "II*\0", "MM\0*", "%PDF-1.4", "<svg>", "RIFF1234WAVE", "GIF88a", ""] {
            assert_eq!(sniff(start.as_bytes()), None, "{start}");
        }
    }

    #[test]
    fn after_the_deadline_nothing_is_decoded() {
        let budget = Budget { max_pixels: 10_000, clock: &Clock::manual(5), deadline_ms: 5 };
        assert!(draw(&png(50, 50), Size::Crop32, &budget).is_err());
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(
            place in 0_usize..2_000,
            damage in prop::collection::vec(any::<u8>(), 1..20),
            turned: bool,
        ) {
            let mut source = if turned { jpeg_turned(40, 30) } else { png(40, 30) };
            let place = place % source.len();
            for (byte, damage) in source[place..].iter_mut().zip(damage) {
                *byte = damage;
            }
            let _ = drawn(&source, Size::Crop32);
        }
    }
}
