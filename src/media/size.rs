//! The sizes of thumbnails (specification, content repository, thumbnails).
//!
//! Only the sizes of the specification are made, so a stranger cannot make this server draw and
//! keep a picture a pixel.

use ruma::media::Method;
use serde::{Deserialize, Serialize};

/// A size that is made. A picture that is smaller keeps its own: nothing is ever made larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Size {
    /// 32×32, cut out of the middle.
    Crop32,
    /// 96×96, cut out of the middle.
    Crop96,
    /// Within 320×240.
    Scale320,
    /// Within 640×480.
    Scale640,
    /// Within 800×600.
    Scale800,
}

/// What to draw: a part of the picture, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// Left edge, top edge, width and height of the part.
    pub part: (u32, u32, u32, u32),
    pub width: u32,
    pub height: u32,
}

impl Size {
    const CROPS: [Self; 2] = [Self::Crop32, Self::Crop96];
    const SCALES: [Self; 3] = [Self::Scale320, Self::Scale640, Self::Scale800];

    /// The smallest size that is at least as large as what is wanted; the largest one if none is.
    pub fn covering(width: u32, height: u32, method: &Method) -> Self {
        let covers = |size: &&Self| {
            let (most_width, most_height) = size.bounds();
            width <= most_width && height <= most_height
        };
        // A crop that is larger than any of the list is cut by the client.
        let crop = Self::CROPS.iter().find(covers).filter(|_| *method == Method::Crop);
        let scale = || Self::SCALES.iter().find(covers);
        crop.or_else(scale).copied().unwrap_or(Self::Scale800)
    }

    const fn bounds(self) -> (u32, u32) {
        match self {
            Self::Crop32 => (32, 32),
            Self::Crop96 => (96, 96),
            Self::Scale320 => (320, 240),
            Self::Scale640 => (640, 480),
            Self::Scale800 => (800, 600),
        }
    }

    /// What to draw of a picture of `width` × `height`, neither of them 0.
    pub fn drawing(self, width: u32, height: u32) -> Drawing {
        let (most_width, most_height) = self.bounds();
        if matches!(self, Self::Crop32 | Self::Crop96) {
            let side = width.min(height);
            let drawn = side.min(most_width);
            return Drawing {
                part: ((width - side) / 2, (height - side) / 2, side, side),
                width: drawn,
                height: drawn,
            };
        }
        let whole = (0, 0, width, height);
        if width <= most_width && height <= most_height {
            return Drawing { part: whole, width, height };
        }
        // The side that has to shrink more decides.
        let by_width =
            u64::from(width) * u64::from(most_height) >= u64::from(height) * u64::from(most_width);
        let (width, height) = if by_width {
            (most_width, scaled(height, most_width, width))
        } else {
            (scaled(width, most_height, height), most_height)
        };
        Drawing { part: whole, width, height }
    }
}

/// `length × numerator ÷ denominator`, rounded, at least 1.
fn scaled(length: u32, numerator: u32, denominator: u32) -> u32 {
    let denominator = u64::from(denominator.max(1));
    let rounded = (u64::from(length) * u64::from(numerator) + denominator / 2) / denominator;
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wishes_snap_to_the_next_larger_size() {
        let covering = Size::covering;
        assert_eq!(covering(32, 32, &Method::Crop), Size::Crop32);
        assert_eq!(covering(33, 1, &Method::Crop), Size::Crop96);
        assert_eq!(covering(97, 97, &Method::Crop), Size::Scale320);
        assert_eq!(covering(32, 32, &Method::Scale), Size::Scale320);
        assert_eq!(covering(320, 241, &Method::Scale), Size::Scale640);
        assert_eq!(covering(641, 1, &Method::Scale), Size::Scale800);
        assert_eq!(covering(u32::MAX, u32::MAX, &Method::Scale), Size::Scale800);
        assert_eq!(covering(10, 10, &Method::from("odd")), Size::Scale320);
    }

    #[test]
    fn proportions_are_kept() {
        let drawing = Size::Scale320.drawing(1_500, 1_000);
        assert_eq!((drawing.width, drawing.height), (320, 213));
        let drawing = Size::Scale320.drawing(1_000, 2_000);
        assert_eq!((drawing.width, drawing.height), (120, 240));
        let drawing = Size::Crop96.drawing(300, 200);
        assert_eq!(drawing.part, (50, 0, 200, 200));
        assert_eq!((drawing.width, drawing.height), (96, 96));
    }

    proptest! {
        #[test]
        fn nothing_grows_and_nothing_vanishes(
            width in 1..=u32::MAX,
            height in 1..=u32::MAX,
            wide in any::<u32>(),
            high in any::<u32>(),
            crop: bool,
        ) {
            let method = if crop { Method::Crop } else { Method::Scale };
            let size = Size::covering(wide, high, &method);
            let Drawing { part: (x, y, w, h), width: drawn_width, height: drawn_height } =
                size.drawing(width, height);
            prop_assert!(u64::from(x) + u64::from(w) <= u64::from(width));
            prop_assert!(u64::from(y) + u64::from(h) <= u64::from(height));
            prop_assert!((1..=w).contains(&drawn_width) && drawn_width <= 800);
            prop_assert!((1..=h).contains(&drawn_height) && drawn_height <= 600);
        }
    }
}
