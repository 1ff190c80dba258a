//! Parses the name of a mix of voices, such as `af_heart(2)+am_michael(1)`. Pure.

use std::ops::RangeInclusive;

/// Most voices in a mix.
const MOST_PARTS: usize = 4;
/// Valid weights.
const WEIGHTS: RangeInclusive<f32> = 0.1..=10.0;

/// A voice of a mix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ingredient {
    /// The voice's name.
    pub(crate) name: String,
    /// Its weight relative to the others.
    pub(crate) weight: f32,
}

/// Whether a name is that of a mix.
pub(crate) fn is_mix(name: &str) -> bool {
    name.contains(['+', '('])
}

/// The voices of a mix in their order; the error says what is wrong.
pub(crate) fn parse(mix: &str) -> Result<Vec<Ingredient>, String> {
    let ingredients: Vec<Ingredient> = mix.split('+').map(ingredient).collect::<Result<_, _>>()?;
    if ingredients.len() > MOST_PARTS {
        return Err(format!("{mix:?} mixes {} voices, {MOST_PARTS} are allowed", ingredients.len()));
    }
    Ok(ingredients)
}

fn ingredient(part: &str) -> Result<Ingredient, String> {
    let part = part.trim();
    let (name, weight) = match part.split_once('(') {
        None => (part, 1.0),
        Some((name, rest)) => {
            let weight = rest.strip_suffix(')').and_then(|weight| weight.trim().parse().ok());
            (name.trim_end(), weight.unwrap_or(f32::NAN))
        }
    };
    if name.is_empty() || name.contains(')') {
        return Err(format!("{part:?} is not valid in a mix; write it as \"af_heart(2)+am_michael(1)\""));
    }
    if !WEIGHTS.contains(&weight) {
        let (least, most) = (WEIGHTS.start(), WEIGHTS.end());
        return Err(format!("the weight in {part:?} is not between {least} and {most}"));
    }
    Ok(Ingredient { name: name.to_owned(), weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mix: &str) -> Vec<(String, f32)> {
        parse(mix).unwrap().into_iter().map(|it| (it.name, it.weight)).collect()
    }

    #[test]
    fn voices_have_equal_weights_unless_the_mix_says_so() {
        assert_eq!(parsed("a+b"), [("a".to_owned(), 1.0), ("b".to_owned(), 1.0)]);
        assert_eq!(parsed("a(2) + b_c( 0.5 )"), [("a".to_owned(), 2.0), ("b_c".to_owned(), 0.5)]);
        assert!(is_mix("a+b") && is_mix("a(2)") && !is_mix("en_US-joe-medium"));
    }

    #[test]
    fn what_is_no_mix_or_beyond_the_limits_is_refused() {
        for (mix, why) in [
            ("a+", "not valid in a mix"),
            ("(2)+b", "not valid in a mix"),
            ("a)+b", "not valid in a mix"),
            ("a(2+b", "weight"),
            ("a(0.05)+b", "weight"),
            ("a(11)+b", "weight"),
            ("a(inf)+b", "weight"),
            ("a(NaN)+b", "weight"),
            ("a(-1)+b", "weight"),
            ("a+b+c+d+e", "mixes 5 voices, 4 are allowed"),
        ] {
            let refused = parse(mix).unwrap_err();
            assert!(refused.contains(why), "{mix}: {refused}");
        }
        assert_eq!(parsed("a+b+c+d(10)").len(), 4);
    }
}
