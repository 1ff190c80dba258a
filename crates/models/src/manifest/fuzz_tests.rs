//! Manifests made of arbitrary bytes.

use super::*;

/// Most parts that a manifest of the longest input can name, each repeated as often as allowed.
const MOST_PARTS: usize = 1_000_000;

#[test]
fn any_manifest_is_refused_or_complete() {
    visavis_fuzz::run("models_manifest", |input| {
        let Ok(manifest) = Manifest::parse(&visavis_fuzz::text(input)) else { return };
        for (name, _) in manifest.profiles() {
            assert!(manifest.profile(name).unwrap().models().count() > 0, "{name}");
        }
        for model in manifest.models() {
            assert!(model.file.is_relative() && !model.sources.is_empty());
            for source in &model.sources {
                assert!((1..=MOST_PARTS).contains(&source.parts.len()), "{}", source.parts.len());
                assert!(!source.origins().is_empty());
            }
            manifest.profiles_of(model);
        }
    });
}
