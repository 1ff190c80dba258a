//! The grammar of a tool call in force: chooses among the tokens that it allows. llama.cpp's own state, but no part of the
//! model's thread-bound side.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use llama_cpp_2::vocab::LlamaVocab;

/// The constraint on the next token of a call.
#[derive(Debug)]
pub(crate) struct Constraint {
    grammar: LlamaSampler,
    /// The bytes of the character that the last token has left unfinished.
    unfinished: Vec<u8>,
}

impl Constraint {
    /// None if llama.cpp cannot read the rules.
    pub(crate) fn new(model: &LlamaModel, rules: &str) -> Option<Self> {
        let grammar = LlamaSampler::grammar(model, rules, "root").ok()?;
        Some(Self { grammar, unfinished: Vec::new() })
    }

    /// Continues with the first of the candidates that the grammar allows; none, and no change, if it allows none.
    pub(crate) fn accept(
        &mut self,
        vocab: &LlamaVocab<'_>,
        candidates: impl IntoIterator<Item = LlamaTokenData>,
    ) -> Option<LlamaToken> {
        let mut candidates = LlamaTokenDataArray::from_iter(candidates, true);
        candidates.apply_sampler(&mut self.grammar);
        let allowed = candidates.data.iter().filter(|data| data.logit().is_finite());
        let (token, unfinished) = allowed
            .map(LlamaTokenData::id)
            .find_map(|token| Some((token, self.unfinished(vocab, token)?)))?;
        // An exception or an abort of llama.cpp would end the process. There is none: it has just followed the same
        // characters of this token to their end, in the same state, or has checked that a text may end here.
        self.grammar.accept(token);
        self.unfinished = unfinished;
        Some(token)
    }

    /// What a token leaves unfinished; none if llama.cpp would not follow it to its end.
    fn unfinished(&self, vocab: &LlamaVocab<'_>, token: LlamaToken) -> Option<Vec<u8>> {
        if vocab.is_eog(token) {
            return Some(Vec::new());
        }
        let mut text = self.unfinished.clone();
        vocab.token_to_piece_into(token, &mut text, true, None);
        unfinished(&text).map(<[u8]>::to_vec)
    }
}

/// The bytes of the character in which a text breaks off; none if it can become no UTF-8, or has a NUL. llama.cpp takes
/// the character 0 for the end of a token where it checks, but not where it accepts: a NUL, and what it decodes to one,
/// such as `C0 80`.
fn unfinished(text: &[u8]) -> Option<&[u8]> {
    if text.contains(&0) {
        return None;
    }
    match std::str::from_utf8(text) {
        Ok(_) => Some(&[]),
        Err(error) if error.error_len().is_none() => Some(&text[error.valid_up_to()..]),
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "../tests/program/models.rs"]
mod models;

#[cfg(test)]
mod tests {
    use llama_cpp_2::llama_backend::LlamaBackend;
    use llama_cpp_2::model::params::LlamaModelParams;
    use visavis_proto::v1::Tool;

    use super::models::model;
    use super::*;
    use crate::tools::{self, ToolForm};

    /// Continues with a text's tokens; returns how many were accepted.
    fn accepted(constraint: &mut Constraint, vocab: &LlamaVocab<'_>, text: &str) -> (usize, usize) {
        let tokens = vocab.tokenize(text.as_bytes(), false, false);
        let accepts = |token: &&LlamaToken| {
            constraint.accept(vocab, [LlamaTokenData::new(**token, 0.0, 0.0)]).is_some()
        };
        (tokens.iter().take_while(accepts).count(), tokens.len())
    }

    /// What can come in a schema, with names and values that have to be escaped.
    const SCHEMA: &str = r#"{"type":"object","properties":{
        "city":{"enum":["Paris","Z\u00fcrich","a\"b\\c\n]^-"]},
        "caf\u00e9 \"]^-\\":{"type":"array","items":{"type":"integer","minimum":-20,"maximum":305},"minItems":1,"maxItems":3},
        "when":{"type":"string","format":"date-time"},
        "id":{"type":"string","format":"uuid"},
        "note":{"type":["string","null"]},
        "list":{"type":"array","items":{"type":"string"},"minItems":5,"maxItems":2},
        "rest":{"anyOf":[{"type":"number"},{"type":"object"},{"type":"array","items":{"type":"boolean"}}]}},
        "required":["city"],"additionalProperties":{"type":"integer","minimum":105}}"#;

    #[test]
    fn llama_cpp_reads_a_grammar_and_follows_it_to_the_end_and_survives_what_it_refuses() {
        let backend = LlamaBackend::init().unwrap();
        let parameters = LlamaModelParams::default().with_vocab_only(true);
        let model = LlamaModel::load_from_file(&backend, model(), &parameters).unwrap();
        let vocab = model.vocab();
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            description: "Does it.".to_owned(),
            parameters: SCHEMA.to_owned(),
        };
        let rules = tools::grammar(&[tool("look_up"), tool("look")], ToolForm::Hermes).unwrap();
        let begin = || Constraint::new(&model, &rules).expect("llama.cpp reads the rules");
        let call = |arguments: &str| format!(r#"{{"name": "look", "arguments": {arguments}}}"#);
        let end = vocab.tokens().find(|token| vocab.is_eog(*token)).unwrap();
        let ends = |constraint: &mut Constraint| {
            constraint.accept(&vocab, [LlamaTokenData::new(end, 0.0, 0.0)]).is_some()
        };
        for arguments in [
            r#"{"city": "Paris"}"#,
            r#"{"city": "Zürich", "café \"]^-\\": [-20, 305, 7], "when": "2026-02-28T23:59:59Z"}"#,
            r#"{"city": "a\"b\\c\n]^-", "id": "123e4567-e89b-12d3-a456-426614174000", "note": "𝄞 é\u00e9 日本"}"#,
            r#"{"city": "Paris", "note": null, "rest": {"a": [1.5e3, {}]}, "cit": 105, "citys": 2000}"#,
        ] {
            let mut constraint = begin();
            let (accepted, all) = accepted(&mut constraint, &vocab, &call(arguments));
            assert_eq!(accepted, all, "{arguments}");
            assert!(ends(&mut constraint), "{arguments}");
        }
        for arguments in [
            r#"{"city": "Rome"}"#,
            r#"{"note": null}"#,
            r#"{"city": "Paris", "café \"]^-\\": []}"#,
            r#"{"city": "Paris", "café \"]^-\\": [306]}"#,
            r#"{"city": "Paris", "further": 15}"#,
            r#"{"city": "Paris", "city": 105}"#,
        ] {
            let mut constraint = begin();
            let (accepted, all) = accepted(&mut constraint, &vocab, &call(arguments));
            assert!(accepted < all, "{arguments}");
            assert!(!ends(&mut constraint), "{arguments}");
            // What was refused has changed nothing: a second refusal does not end the process either.
            assert!(!ends(&mut constraint), "{arguments}");
        }
    }

    #[test]
    fn a_character_may_be_cut_anywhere_but_none_may_decode_to_nul() {
        for (text, rest) in [
            (&b"a"[..], Some(&b""[..])),
            (b"", Some(b"")),
            (b"\xc3", Some(b"\xc3")),
            (b"\xc3\xa9", Some(b"")),
            (b"x\xf0\x9d\x84", Some(b"\xf0\x9d\x84")),
            (b"\xe3\x80\x80", Some(b"")),
            (b"\xe0", Some(b"\xe0")),
            (b"\xe0\x80\x80", None),
            (b"\xc0\x80", None),
            (b"\x80", None),
            (b"a\0", None),
        ] {
            assert_eq!(unfinished(text), rest, "{text:?}");
        }
    }
}
