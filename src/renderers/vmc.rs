//! The sending side of the VMC protocol: OSC messages with the blend shapes and the head, for VRM avatars. Pure.

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder};

use crate::avatar::face::{Face, Pose};
use crate::avatar::shapes::{NAMES, SHAPES};

/// Shapes per datagram: one with all of them would be fragmented.
const TOGETHER: usize = 18;

/// The datagrams of one moment, in order; `seconds` since the first moment.
#[must_use]
pub fn packets(seconds: f32, face: &Face) -> Vec<Vec<u8>> {
    let values: Vec<OscMessage> =
        NAMES.iter().zip(face.weights.0).map(|(name, weight)| value(name, weight)).collect();
    let mut bundles: Vec<Vec<OscMessage>> = values.chunks(TOGETHER).map(<[_]>::to_vec).collect();
    if let Some(first) = bundles.first_mut() {
        first.insert(0, message("/VMC/Ext/T", vec![OscType::Float(seconds)]));
        first.insert(0, message("/VMC/Ext/OK", vec![OscType::Int(1)]));
    }
    if let Some(last) = bundles.last_mut() {
        last.push(message("/VMC/Ext/Blend/Apply", Vec::new()));
        last.push(head(face.pose));
    }
    bundles.into_iter().filter_map(datagram).collect()
}

fn value(name: &str, weight: f32) -> OscMessage {
    let weight = if weight.is_finite() { weight.clamp(0.0, 1.0) } else { 0.0 };
    message("/VMC/Ext/Blend/Val", vec![OscType::String(pascal(name)), OscType::Float(weight)])
}

/// The names of the clips in avatars with all 52 shapes.
fn pascal(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

/// The head relative to the neck. The offset is zero: avatars keep their own.
fn head(pose: Pose) -> OscMessage {
    let place = [0.0; 3];
    let numbers = place.into_iter().chain(turned(pose)).map(OscType::Float);
    let arguments = std::iter::once(OscType::String("Head".into())).chain(numbers);
    message("/VMC/Ext/Bone/Pos", arguments.collect())
}

/// The quaternion x, y, z, w in Unity's axes: y up, z ahead, x to the character's right.
fn turned(Pose { yaw, pitch, roll }: Pose) -> [f32; 4] {
    let half =
        |degrees: f32| if degrees.is_finite() { (degrees.to_radians() / 2.0).sin_cos() } else { (0.0, 1.0) };
    let ((sy, cy), (sx, cx), (sz, cz)) = (half(-yaw), half(pitch), half(roll));
    [
        cy * sx * cz + sy * cx * sz,
        sy * cx * cz - cy * sx * sz,
        cy * cx * sz - sy * sx * cz,
        cy * cx * cz + sy * sx * sz,
    ]
}

fn message(address: &str, arguments: Vec<OscType>) -> OscMessage {
    OscMessage { addr: address.into(), args: arguments }
}

fn datagram(messages: Vec<OscMessage>) -> Option<Vec<u8>> {
    // OSC's time tag for "immediately".
    let timetag = OscTime { seconds: 0, fractional: 1 };
    let content = messages.into_iter().map(OscPacket::Message).collect();
    encoder::encode(&OscPacket::Bundle(OscBundle { timetag, content })).ok()
}

const _: () = assert!(SHAPES.div_ceil(TOGETHER) == 3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::avatar::shapes::Shape;

    /// Three datagrams verified with python-osc: twenty, eighteen and eighteen messages with these values.
    const GOLDEN: &[u8] = include_bytes!("vmc.golden");

    fn face() -> Face {
        let mut face = Face { pose: Pose { yaw: 20.0, pitch: 10.0, roll: -5.0 }, ..Face::default() };
        face.weights[Shape::JawOpen] = 0.5;
        face.weights[Shape::TongueOut] = 7.0;
        face
    }

    #[test]
    fn a_moment_is_three_unfragmented_datagrams_and_apply_follows_all_weights() {
        let packets = packets(1.5, &face());
        assert!(packets.len() == 3 && packets.iter().all(|packet| packet.len() < 1400));
        let mut addresses = Vec::new();
        for packet in &packets {
            let Ok((_, OscPacket::Bundle(bundle))) = rosc::decoder::decode_udp(packet) else {
                panic!("no bundle")
            };
            for content in bundle.content {
                let OscPacket::Message(message) = content else { panic!("no message") };
                addresses.push((message.addr, message.args));
            }
        }
        let count = |address: &str| addresses.iter().filter(|(other, _)| other == address).count();
        assert_eq!(
            (count("/VMC/Ext/Blend/Val"), count("/VMC/Ext/Blend/Apply"), count("/VMC/Ext/OK")),
            (52, 1, 1)
        );
        let jaw =
            ("/VMC/Ext/Blend/Val".to_string(), vec![OscType::String("JawOpen".into()), OscType::Float(0.5)]);
        assert!(addresses.contains(&jaw));
        let apply = addresses.iter().position(|(address, _)| address == "/VMC/Ext/Blend/Apply");
        assert_eq!(apply, Some(addresses.len() - 2));
    }

    #[test]
    fn the_bytes_equal_those_verified_with_python_osc() {
        assert_eq!(packets(1.5, &face()).concat(), GOLDEN);
    }

    /// The vector rotated by the quaternion, in hundredths.
    fn applied([x, y, z, w]: [f32; 4], [a, b, c]: [f32; 3]) -> [i32; 3] {
        let (tx, ty, tz) = (2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a));
        let out = [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
        out.map(|value| (value * 100.0).round() as i32)
    }

    #[test]
    fn the_head_turns_to_the_characters_left_nods_down_and_tilts_to_the_left() {
        let ahead = [0.0, 0.0, 1.0];
        let turn = |yaw, pitch, roll| turned(Pose { yaw, pitch, roll });
        assert_eq!(applied(turn(90.0, 0.0, 0.0), ahead), [-100, 0, 0]);
        assert_eq!(applied(turn(0.0, 90.0, 0.0), ahead), [0, -100, 0]);
        assert_eq!(applied(turn(0.0, 0.0, 90.0), [0.0, 1.0, 0.0]), [-100, 0, 0]);
        // Nodded down first, then turned: the nose points down to the left.
        assert_eq!(applied(turn(90.0, 45.0, 0.0), ahead), [-71, -71, 0]);
        assert_eq!(turn(f32::NAN, 0.0, 0.0), [0.0, 0.0, 0.0, 1.0]);
    }
}
