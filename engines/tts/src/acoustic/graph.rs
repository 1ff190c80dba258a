//! Patches a network file, before it is loaded, to output an inner tensor: the durations of symbols.
//!
//! Protobuf merges repeated fields, so appending `graph { output { name } }` to the file is enough.

/// A tensor, identified by the operator of the node that makes it, and by its name if several nodes have that operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct InnerTensor {
    pub(super) operator: &'static str,
    pub(super) name: &'static str,
}

/// Adds the tensor to the model's outputs; returns its name as well. A model without such a node, or with several of which none
/// has the name, is unchanged.
pub(super) fn expose(mut model: Vec<u8>, inner: InnerTensor) -> (Vec<u8>, Option<String>) {
    let Some((name, listed)) = find(&model, inner) else { return (model, None) };
    if !listed {
        let output = field(12, &field(1, name.as_bytes()));
        model.extend(field(7, &output));
    }
    (model, Some(name))
}

/// The tensor's name, and whether it already is an output.
fn find(model: &[u8], inner: InnerTensor) -> Option<(String, bool)> {
    let graphs = || fields(model).filter(|field| field.0 == 7).flat_map(|field| fields(field.1));
    let named = |message| fields(message).find(|field| field.0 == 1).map(|field| field.1);
    let mut names = Vec::new();
    for node in graphs().filter(|field| field.0 == 1).map(|field| field.1) {
        if fields(node).any(|field| field == (4, inner.operator.as_bytes())) {
            let output = fields(node).find(|field| field.0 == 2)?.1;
            names.push(String::from_utf8_lossy(output).into_owned());
        }
    }
    let name = match names.iter().position(|name| name == inner.name) {
        Some(at) => names.swap_remove(at),
        None if names.len() == 1 => names.swap_remove(0),
        None => return None,
    };
    let listed = graphs().any(|field| field.0 == 12 && named(field.1) == Some(name.as_bytes()));
    Some((name, listed))
}

/// Encodes a length-delimited field of a protobuf message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

/// The length-delimited fields of a protobuf message, up to the first malformed byte.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let tag = varint(&mut message)?;
            let length = match tag & 7 {
                0 => {
                    varint(&mut message)?;
                    continue;
                }
                1 => 8,
                2 => usize::try_from(varint(&mut message)?).ok()?,
                5 => 4,
                _ => return None,
            };
            let (content, rest) = message.split_at_checked(length)?;
            message = rest;
            if tag & 7 == 2 {
                return Some((tag >> 3, content));
            }
        }
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATIONS: InnerTensor = InnerTensor { operator: "Ceil", name: "/Ceil_output_0" };

    fn node(kind: &str, output: &str) -> Vec<u8> {
        field(1, &[field(1, b"x"), field(2, output.as_bytes()), field(4, kind.as_bytes())].concat())
    }

    #[test]
    fn the_tensor_is_added_to_the_outputs_once() {
        let graph = field(7, &[node("Exp", "/Exp_output_0"), node("Ceil", "/Ceil_output_0")].concat());
        let (patched, name) = expose([&[0x08, 0x08], graph.as_slice()].concat(), DURATIONS);
        assert_eq!(name.as_deref(), Some("/Ceil_output_0"));
        assert_eq!(find(&patched, DURATIONS), Some(("/Ceil_output_0".to_owned(), true)));
        assert_eq!(expose(patched.clone(), DURATIONS).0, patched);
    }

    #[test]
    fn models_without_the_tensor_and_broken_files_are_unchanged() {
        let two = field(7, &[node("Ceil", "a"), node("Ceil", "b")].concat());
        for model in [field(7, &node("Exp", "e")), two, b"\xff\xff\xff".to_vec(), Vec::new()] {
            assert_eq!(expose(model.clone(), DURATIONS), (model, None));
        }
    }
}
