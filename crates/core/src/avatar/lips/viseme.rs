//! The fifteen visemes and the mouth's pose for each.
//!
//! The table is openfacefx's, tuned for the project's heads: `jawOpen` 1 is 34 mm, more than anyone's in speech; a full funnel
//! turns the lips out by 14 mm; and the tip of the tongue passes the lips at a `tongueOut` of 0.7.

use crate::avatar::shapes::{Shape, Weights};

/// The Oculus mouth shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Oculus's names
pub enum Viseme {
    Sil,
    PP,
    FF,
    TH,
    DD,
    KK,
    CH,
    SS,
    NN,
    RR,
    Aa,
    E,
    I,
    O,
    U,
}

/// The shapes that speech moves, both sides equally.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pose {
    /// `jawOpen`
    pub jaw: f32,
    /// `mouthClose` as a share of `jaw`, which it therefore never exceeds.
    pub closed: f32,
    /// `mouthFunnel`
    pub funnel: f32,
    /// `mouthPucker`
    pub pucker: f32,
    /// `mouthStretch…`
    pub stretch: f32,
    /// `mouthSmile…`
    pub smile: f32,
    /// `mouthDimple…`
    pub dimple: f32,
    /// `mouthUpperUp…`
    pub upper: f32,
    /// `mouthLowerDown…`
    pub lower: f32,
    /// `mouthPress…`
    pub press: f32,
    /// `mouthRollUpper`
    pub roll_upper: f32,
    /// `mouthRollLower`
    pub roll_lower: f32,
    /// `mouthShrugLower`
    pub shrug_lower: f32,
    /// `tongueOut`
    pub tongue: f32,
}

impl Pose {
    /// The mouth at rest.
    pub const REST: Self = Self {
        jaw: 0.0,
        closed: 0.0,
        funnel: 0.0,
        pucker: 0.0,
        stretch: 0.0,
        smile: 0.0,
        dimple: 0.0,
        upper: 0.0,
        lower: 0.0,
        press: 0.0,
        roll_upper: 0.0,
        roll_lower: 0.0,
        shrug_lower: 0.0,
        tongue: 0.0,
    };

    /// The blend shape weights, each from 0 to 1, `mouthClose` never above `jawOpen`.
    #[must_use]
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::NEUTRAL;
        // NaN becomes 0.
        let unit = |weight: f32| if weight > 0.0 { weight.min(1.0) } else { 0.0 };
        let jaw = unit(self.jaw);
        weights[Shape::JawOpen] = jaw;
        weights[Shape::MouthClose] = jaw * unit(self.closed);
        for (weight, shapes) in [
            (self.funnel, &[Shape::MouthFunnel][..]),
            (self.pucker, &[Shape::MouthPucker]),
            (self.stretch, &[Shape::MouthStretchLeft, Shape::MouthStretchRight]),
            (self.smile, &[Shape::MouthSmileLeft, Shape::MouthSmileRight]),
            (self.dimple, &[Shape::MouthDimpleLeft, Shape::MouthDimpleRight]),
            (self.upper, &[Shape::MouthUpperUpLeft, Shape::MouthUpperUpRight]),
            (self.lower, &[Shape::MouthLowerDownLeft, Shape::MouthLowerDownRight]),
            (self.press, &[Shape::MouthPressLeft, Shape::MouthPressRight]),
            (self.roll_upper, &[Shape::MouthRollUpper]),
            (self.roll_lower, &[Shape::MouthRollLower]),
            (self.shrug_lower, &[Shape::MouthShrugLower]),
            (self.tongue, &[Shape::TongueOut]),
        ] {
            shapes.iter().for_each(|&shape| weights[shape] = unit(weight));
        }
        weights
    }
}

impl Viseme {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Sil,
        Self::PP,
        Self::FF,
        Self::TH,
        Self::DD,
        Self::KK,
        Self::CH,
        Self::SS,
        Self::NN,
        Self::RR,
        Self::Aa,
        Self::E,
        Self::I,
        Self::O,
        Self::U,
    ];

    /// The pose of the held viseme.
    #[must_use]
    pub const fn pose(self) -> Pose {
        const REST: Pose = Pose::REST;
        match self {
            Self::Sil => REST,
            Self::PP => {
                Pose { jaw: 0.06, closed: 1.0, press: 0.5, roll_lower: 0.22, roll_upper: 0.22, ..REST }
            }
            Self::FF => {
                Pose { jaw: 0.06, closed: 1.0, shrug_lower: 0.52, upper: 0.3, roll_lower: 0.3, ..REST }
            }
            Self::TH => Pose { jaw: 0.1, tongue: 0.42, upper: 0.15, lower: 0.15, ..REST },
            Self::DD => Pose { jaw: 0.13, tongue: 0.22, ..REST },
            Self::KK => Pose { jaw: 0.17, ..REST },
            Self::CH => Pose { jaw: 0.09, funnel: 0.42, pucker: 0.34, upper: 0.1, lower: 0.1, ..REST },
            Self::SS => Pose { jaw: 0.06, stretch: 0.25, upper: 0.22, lower: 0.24, ..REST },
            Self::NN => Pose { jaw: 0.11, tongue: 0.18, ..REST },
            Self::RR => Pose { jaw: 0.11, pucker: 0.4, funnel: 0.2, ..REST },
            Self::Aa => Pose { jaw: 0.34, lower: 0.1, upper: 0.04, ..REST },
            Self::E => Pose { jaw: 0.24, stretch: 0.3, dimple: 0.15, upper: 0.05, lower: 0.1, ..REST },
            Self::I => Pose { jaw: 0.1, stretch: 0.42, smile: 0.26, upper: 0.16, lower: 0.1, ..REST },
            Self::O => Pose { jaw: 0.23, funnel: 0.4, pucker: 0.4, ..REST },
            Self::U => Pose { jaw: 0.07, funnel: 0.26, pucker: 0.8, ..REST },
        }
    }
}
