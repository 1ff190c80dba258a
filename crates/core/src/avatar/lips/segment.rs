//! The targets of the mouth over time: sounds, merged if equal, and rests in long pauses, each with its pull. Pure.

use std::collections::VecDeque;

use super::ipa::{Manner, Phone};
use super::viseme::{Pose, Viseme};

/// Shorter pauses are ignored, in seconds.
pub(super) const PAUSE: f64 = 0.27;
/// Targets farther than this from a moment have no effect on it, in seconds.
pub(super) const REACH: f64 = 0.6;
/// Obstruents and nasals shorter than this do not pull the jaw, in seconds.
const QUICK: f64 = 0.1;
/// Equal mouth shapes closer than this are merged, in seconds.
const TOGETHER: f64 = 0.03;
/// The sound length to which [`RISE`] and [`FALL`] apply, in seconds.
const USUAL: f64 = 0.09;
/// Shortest time that the lips stay together or at the teeth, in seconds: longer than a frame at 30 fps, so that one shows it.
const SHORTEST: f64 = 0.048;

/// A contact that holds whatever the neighbouring vowels do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// No contact.
    No,
    /// The lips meet.
    Lips,
    /// The lower lip meets the upper teeth.
    Teeth,
    /// The teeth are almost closed.
    Jaw,
}

/// The time in which a hold is complete, in seconds.
#[derive(Debug, Clone, Copy)]
struct Complete {
    from: f64,
    until: f64,
}

/// One target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) phone: Phone,
    /// The mouth's shape.
    pub(super) pose: Pose,
    /// Pull on the jaw, the lips and the tongue.
    pub(super) pull: [f32; 3],
    pub(super) hold: Hold,
    full: Complete,
    centre: f64,
    /// Half the time of full pull.
    core: f64,
    /// How fast the pull rises before the centre, per second.
    rise: f64,
    /// How fast it falls after it, per second.
    fall: f64,
}

impl Segment {
    fn new(phone: Phone, start: f64, end: f64) -> Self {
        let length = end - start;
        let scale = (USUAL / length.clamp(0.05, 0.16)).sqrt();
        Self {
            start,
            end,
            phone,
            pose: pose(phone),
            pull: pull(phone, length),
            hold: hold(phone),
            full: full(phone, start, end),
            centre: f64::midpoint(start, end),
            core: (length / 2.0 - USUAL / 2.0).max(0.0),
            rise: RISE * scale,
            fall: FALL * scale,
        }
    }

    /// A rest; it may be endless.
    pub(super) fn rest(start: f64, end: f64) -> Self {
        let phone = Phone { viseme: Viseme::Sil, manner: Manner::Stop, weight: 1.0 };
        let edge = (USUAL / 2.0).min((end - start) / 2.0);
        Self {
            start,
            end,
            phone,
            pose: Pose::REST,
            pull: [1.0; 3],
            hold: Hold::No,
            full: Complete { from: start, until: end },
            centre: f64::midpoint(start, end),
            core: ((end - start) / 2.0 - edge).max(0.0),
            rise: RISE,
            fall: FALL,
        }
    }

    pub(super) fn is_rest(&self) -> bool {
        self.phone.viseme == Viseme::Sil
    }

    /// The share of its pull at `t`: Cohen and Massaro's dominance function, with a rounded top.
    pub(super) fn dominance(&self, t: f64) -> f32 {
        const ROUND: f64 = 0.02;
        let off = t - self.centre;
        let far = (off.abs() - self.core).max(0.0);
        let far = far.hypot(ROUND) - ROUND;
        let fade = if off < 0.0 { self.rise } else { self.fall };
        let near = (1.0 - (far / REACH).powi(2)).max(0.0);
        ((-fade * far).exp() * near) as f32
    }

    /// The share of its hold at `t`: 1 within the sound, 0 a short way outside.
    pub(super) fn held(&self, t: f64) -> f32 {
        let (before, after) = match self.hold {
            Hold::No => return 0.0,
            Hold::Lips | Hold::Teeth => (0.075, 0.065),
            Hold::Jaw => (0.07, 0.07),
        };
        let outside = ((self.full.from - t) / before).max((t - self.full.until) / after);
        let x = (1.0 - outside).clamp(0.0, 1.0) as f32;
        x * x * (3.0 - 2.0 * x)
    }
}

/// From when to when the hold is complete.
fn full(phone: Phone, start: f64, end: f64) -> Complete {
    let (early, late) = match hold(phone) {
        // A p or b opens the lips in its burst, well before it ends; an m keeps them closed.
        Hold::Lips if phone.manner == Manner::Stop => (0.004, 0.35 * (end - start)),
        _ => (0.01, 0.01),
    };
    let (from, until) = (start + early, end - late);
    let missing = (SHORTEST - (until - from)).max(0.0) / 2.0;
    Complete { from: from - missing, until: until + missing }
}

/// How fast the pull fades before and after a sound of usual length, per second.
pub(super) const RISE: f64 = 6.0 * SHARPNESS;
pub(super) const FALL: f64 = 11.0 * SHARPNESS;
/// Sharpens the published rates: these heads are shown at sixty frames a second and need more contrast.
const SHARPNESS: f64 = 1.6;

fn pose(phone: Phone) -> Pose {
    let Pose { jaw, funnel, pucker, stretch, smile, dimple, upper, lower, tongue, .. } = phone.viseme.pose();
    let part = |weight: f32| weight * phone.weight;
    // A weak sound still keeps part of its jaw opening, so that the mouth does not look dead.
    let jaw = jaw * (0.4 + 0.6 * phone.weight);
    Pose {
        jaw,
        funnel: part(funnel),
        pucker: part(pucker),
        stretch: part(stretch),
        smile: part(smile),
        dimple: part(dimple),
        upper: part(upper),
        lower: part(lower),
        tongue: part(tongue),
        ..Pose::REST
    }
}

fn pull(phone: Phone, length: f64) -> [f32; 3] {
    let consonant = 0.85 * phone.weight;
    let jaw = match phone.manner {
        Manner::Vowel => 1.0,
        Manner::Glide | Manner::Liquid => 0.6 * phone.weight,
        _ if length < QUICK => 0.0,
        _ => consonant * 0.7,
    };
    let (lips, tongue) = match phone.viseme {
        // The lips are held, not pulled.
        Viseme::PP => (0.0, 0.5),
        Viseme::FF => (0.15, 0.5),
        Viseme::TH | Viseme::DD | Viseme::NN => (0.0, 0.85),
        Viseme::KK => (0.0, 0.5),
        Viseme::SS => (0.4, 0.6),
        Viseme::CH | Viseme::RR | Viseme::U | Viseme::I if phone.manner != Manner::Vowel => (consonant, 0.6),
        _ => (0.5 + 0.5 * phone.weight, 0.6),
    };
    [jaw, lips, tongue]
}

fn hold(phone: Phone) -> Hold {
    match phone.viseme {
        Viseme::PP => Hold::Lips,
        Viseme::FF => Hold::Teeth,
        Viseme::SS | Viseme::CH => Hold::Jaw,
        _ => Hold::No,
    }
}

/// Appends a sound.
pub(super) fn append(segments: &mut VecDeque<Segment>, phone: Phone, start: f64, end: f64) {
    match segments.back().copied() {
        None => segments.push_back(Segment::rest(start - 1.0, start)),
        Some(last) if start - last.end >= PAUSE => segments.push_back(Segment::rest(last.end, start)),
        Some(last) if same(last.phone, phone) && start - last.end < TOGETHER => {
            let (before, now) = (last.end - last.start, end - start);
            let mut phone = if now > before { phone } else { last.phone };
            phone.weight = last.phone.weight.max(phone.weight);
            segments.pop_back();
            let until = full(phone, start, end).until.max(last.full.until);
            let full = Complete { from: last.full.from, until };
            segments.push_back(Segment { full, ..Segment::new(phone, last.start, end) });
            return;
        }
        Some(_) => {}
    }
    segments.push_back(Segment::new(phone, start, end));
}

fn same(a: Phone, b: Phone) -> bool {
    a.viseme == b.viseme && a.is_vowel() == b.is_vowel() && (a.weight - b.weight).abs() < 0.3
}
