//! Sizes for people. Pure.

/// Formats a size for people: "148 MB".
pub fn human(bytes: u64) -> String {
    for (unit, name) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
        if bytes >= unit {
            let tenths = bytes.saturating_mul(10) / unit;
            return if tenths < 100 {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            } else {
                format!("{} {name}", tenths / 10)
            };
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_formatted_for_people() {
        for (bytes, text) in
            [(12, "12 bytes"), (4_794, "4.7 kB"), (147_951_465, "147 MB"), (1_117_320_768, "1.1 GB")]
        {
            assert_eq!(human(bytes), text);
        }
    }
}
