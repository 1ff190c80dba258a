//! Ranges of whole numbers, exactly. Pure.

/// Most digits of a number without a bound.
const MOST_DIGITS: usize = 16;

/// The body of a rule for the numbers from `least` to `most`, which is not less.
pub(super) fn between(least: Option<i64>, most: Option<i64>) -> String {
    let mut alternatives = Vec::new();
    if least.is_none_or(|least| least < 0) {
        let from = most.filter(|most| *most < 0).map_or(1, i64::unsigned_abs);
        let magnitudes = sizes(from, least.map(i64::unsigned_abs));
        alternatives.push(format!(r#""-" ({})"#, magnitudes.join(" | ")));
    }
    if most.is_none_or(|most| most >= 0) {
        let from = least.and_then(|least| u64::try_from(least).ok()).unwrap_or(0);
        alternatives.extend(sizes(from, most.map(i64::unsigned_abs)));
    }
    alternatives.join(" | ")
}

/// The numbers from `from` to `to`, by their number of digits.
fn sizes(from: u64, to: Option<u64>) -> Vec<String> {
    let low = from.to_string();
    let high = to.map_or_else(|| "9".repeat(low.len()), |to| to.to_string());
    let mut alternatives = Vec::new();
    for digits in low.len()..=high.len() {
        let first = if digits == low.len() { low.clone() } else { format!("1{}", "0".repeat(digits - 1)) };
        let last = if digits == high.len() { high.clone() } else { "9".repeat(digits) };
        alternatives.push(of_one_length(first.as_bytes(), last.as_bytes()));
    }
    if to.is_none() && low.len() < MOST_DIGITS {
        alternatives.push(format!("[1-9] [0-9]{{{},{}}}", low.len(), MOST_DIGITS - 1));
    }
    alternatives
}

/// The numbers from `low` to `high`, whose numbers of digits are the same.
fn of_one_length(low: &[u8], high: &[u8]) -> String {
    let ([first, low @ ..], [last, high @ ..]) = (low, high) else { return String::new() };
    if first == last {
        return join(digit(*first, *last), &of_one_length(low, high));
    }
    // The first digits that any digits may follow.
    let free_first = if low.iter().all(|digit| *digit == b'0') { *first } else { first + 1 };
    let free_last = if high.iter().all(|digit| *digit == b'9') { *last } else { last - 1 };
    let mut alternatives = Vec::new();
    if *first < free_first {
        alternatives.push(join(digit(*first, *first), &of_one_length(low, &vec![b'9'; low.len()])));
    }
    if free_first <= free_last {
        let any = if low.is_empty() { String::new() } else { format!("[0-9]{{{}}}", low.len()) };
        alternatives.push(join(digit(free_first, free_last), &any));
    }
    if free_last < *last {
        alternatives.push(join(digit(*last, *last), &of_one_length(&vec![b'0'; high.len()], high)));
    }
    match alternatives.len() {
        1 => alternatives.remove(0),
        _ => format!("({})", alternatives.join(" | ")),
    }
}

fn digit(first: u8, last: u8) -> String {
    let (first, last) = (char::from(first), char::from(last));
    if first == last { format!("[{first}]") } else { format!("[{first}-{last}]") }
}

fn join(digit: String, rest: &str) -> String {
    if rest.is_empty() { digit } else { digit + " " + rest }
}
