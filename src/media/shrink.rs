//! Fewer pixels of the same picture.
//!
//! A good filter costs by the pixel of its source. Whole blocks of pixels are averaged first, in
//! integers, until the picture is less than about three times too large; the filter does the rest.

use image::{DynamicImage, ImageBuffer, Pixel, imageops::FilterType};

/// Widest block that is averaged, in pixels: its sum fits 32 bits with ease.
const BLOCK_MAX: u32 = 64;

/// `picture` at `width` × `height`, which are not larger than it and not 0.
pub(crate) fn shrink(picture: &DynamicImage, width: u32, height: u32) -> DynamicImage {
    if (picture.width(), picture.height()) == (width, height) {
        return picture.clone();
    }
    let ratio = (picture.width() / width.max(1)).min(picture.height() / height.max(1));
    let block = (ratio * 2 / 3).min(BLOCK_MAX);
    match averaged(picture, block) {
        Some(nearer) => nearer.resize_exact(width, height, FilterType::CatmullRom),
        None => picture.resize_exact(width, height, FilterType::CatmullRom),
    }
}

/// The picture of the averages of blocks, or `None` if that is not worth it or not possible.
fn averaged(picture: &DynamicImage, block: u32) -> Option<DynamicImage> {
    if block < 2 {
        return None;
    }
    match picture {
        DynamicImage::ImageLuma8(pixels) => average::<1, _>(pixels, block).map(Into::into),
        DynamicImage::ImageLumaA8(pixels) => average::<2, _>(pixels, block).map(Into::into),
        DynamicImage::ImageRgb8(pixels) => average::<3, _>(pixels, block).map(Into::into),
        DynamicImage::ImageRgba8(pixels) => average::<4, _>(pixels, block).map(Into::into),
        deeper => average::<4, _>(&deeper.to_rgba8(), block).map(Into::into),
    }
}

/// Averages squares of `block` pixels; what does not fill a square at the edges is left out.
fn average<const CHANNELS: usize, P: Pixel<Subpixel = u8>>(
    source: &ImageBuffer<P, Vec<u8>>,
    block: u32,
) -> Option<ImageBuffer<P, Vec<u8>>> {
    let (width, height) = (source.width() / block, source.height() / block);
    let area = block * block;
    let source_row = source.width() as usize * CHANNELS;
    let block_pixels = block as usize;
    let mut averages = Vec::with_capacity(width as usize * height as usize * CHANNELS);
    let mut sums = vec![[0_u32; CHANNELS]; width as usize];
    for rows in source.as_raw().chunks_exact(source_row * block_pixels) {
        sums.fill([0; CHANNELS]);
        for row in rows.chunks_exact(source_row) {
            let blocks = row.chunks_exact(CHANNELS * block_pixels);
            for (sum, pixels) in sums.iter_mut().zip(blocks) {
                for pixel in pixels.chunks_exact(CHANNELS) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
        }
        let rounded = sums.as_flattened().iter().map(|sum| (sum + area / 2) / area);
        averages.extend(rounded.map(|value| u8::try_from(value).unwrap_or(u8::MAX)));
    }
    ImageBuffer::from_raw(width, height, averages)
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb, RgbImage};

    use super::*;

    #[test]
    fn blocks_are_averaged_and_edges_left_out() {
        let source = GrayImage::from_raw(5, 2, vec![0, 10, 255, 255, 9, 20, 30, 255, 254, 9]);
        let averaged = average::<1, _>(&source.unwrap(), 2).unwrap();
        assert_eq!(averaged.dimensions(), (2, 1));
        assert_eq!(averaged.into_raw(), [15, 255]);
    }

    #[test]
    fn every_depth_keeps_its_colour() {
        let colour = Rgb([200, 100, 50]);
        let picture = DynamicImage::ImageRgb8(RgbImage::from_pixel(1_000, 700, colour));
        let variants = [
            picture.clone(),
            picture.to_rgba8().into(),
            picture.to_rgb16().into(),
            picture.to_rgba32f().into(),
        ];
        for variant in variants {
            let small = shrink(&variant, 100, 70).into_rgb8();
            assert_eq!(small.dimensions(), (100, 70));
            assert_eq!(*small.get_pixel(50, 35), colour);
        }
        let grey = shrink(&picture.to_luma_alpha8().into(), 10, 7).into_luma_alpha8();
        assert_eq!(grey.get_pixel(5, 5), picture.to_luma_alpha8().get_pixel(5, 5));
    }

    #[test]
    fn odd_proportions_are_no_problem() {
        let line = DynamicImage::ImageRgb8(RgbImage::from_pixel(30_000, 1, Rgb([9, 9, 9])));
        let small = shrink(&line, 320, 1);
        assert_eq!((small.width(), small.height()), (320, 1));
    }
}
