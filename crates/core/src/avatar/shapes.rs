//! The 52 ARKit blend shapes, in the order of Live Link Face and of Azure. Left is the character's left.

/// Number of blend shapes.
pub const SHAPES: usize = 52;

/// A blend shape; its number is its index in [`Weights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // Apple's names are self-explanatory
pub enum Shape {
    EyeBlinkLeft,
    EyeLookDownLeft,
    EyeLookInLeft,
    EyeLookOutLeft,
    EyeLookUpLeft,
    EyeSquintLeft,
    EyeWideLeft,
    EyeBlinkRight,
    EyeLookDownRight,
    EyeLookInRight,
    EyeLookOutRight,
    EyeLookUpRight,
    EyeSquintRight,
    EyeWideRight,
    JawForward,
    JawLeft,
    JawRight,
    JawOpen,
    MouthClose,
    MouthFunnel,
    MouthPucker,
    MouthLeft,
    MouthRight,
    MouthSmileLeft,
    MouthSmileRight,
    MouthFrownLeft,
    MouthFrownRight,
    MouthDimpleLeft,
    MouthDimpleRight,
    MouthStretchLeft,
    MouthStretchRight,
    MouthRollLower,
    MouthRollUpper,
    MouthShrugLower,
    MouthShrugUpper,
    MouthPressLeft,
    MouthPressRight,
    MouthLowerDownLeft,
    MouthLowerDownRight,
    MouthUpperUpLeft,
    MouthUpperUpRight,
    BrowDownLeft,
    BrowDownRight,
    BrowInnerUp,
    BrowOuterUpLeft,
    BrowOuterUpRight,
    CheekPuff,
    CheekSquintLeft,
    CheekSquintRight,
    NoseSneerLeft,
    NoseSneerRight,
    TongueOut,
}

/// The names as spelled by ARKit, glTF morph targets and most renderers.
pub const NAMES: [&str; SHAPES] = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
];

/// How far each shape is applied, 0 to 1, in the order of [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights(pub [f32; SHAPES]);

impl Weights {
    /// The neutral face.
    pub const NEUTRAL: Self = Self([0.0; SHAPES]);
}

impl Default for Weights {
    fn default() -> Self {
        Self::NEUTRAL
    }
}

impl Shape {
    /// Its index in [`Weights`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its ARKit name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES[self.index()]
    }

    /// The index of the shape with this ARKit name.
    #[must_use]
    pub fn position(name: &str) -> Option<usize> {
        NAMES.iter().position(|known| *known == name)
    }
}

impl std::ops::Index<Shape> for Weights {
    type Output = f32;

    fn index(&self, shape: Shape) -> &f32 {
        &self.0[shape.index()]
    }
}

impl std::ops::IndexMut<Shape> for Weights {
    fn index_mut(&mut self, shape: Shape) -> &mut f32 {
        &mut self.0[shape.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_names_have_the_same_order() {
        assert_eq!(Shape::TongueOut.index(), SHAPES - 1);
        assert_eq!((Shape::JawOpen.name(), Shape::MouthClose.name()), ("jawOpen", "mouthClose"));
        assert_eq!(Shape::position("browInnerUp"), Some(Shape::BrowInnerUp.index()));
        assert_eq!(Shape::position("jawopen"), None);
    }
}
