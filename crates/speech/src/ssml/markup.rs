//! Cuts a text with markup into tags and what stands between them. Pure. Nothing is expanded but the five entities of XML.

/// Most attributes of a tag.
const MOST_ATTRIBUTES: usize = 16;

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Open(Tag),
    Close(String),
}

/// A tag that opens an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<Attribute>,
    /// It closes itself.
    pub(super) alone: bool,
}

/// An attribute of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: String,
}

/// All parts of a text, in order.
///
/// # Errors
/// What cannot be read.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        push_text(&mut parts, &rest[..at])?;
        rest = markup(&rest[at..], &mut parts)?;
    }
    push_text(&mut parts, rest)?;
    Ok(parts)
}

fn push_text(parts: &mut Vec<Part>, raw: &str) -> Result<(), String> {
    if !raw.is_empty() {
        parts.push(Part::Text(plain(raw)?));
    }
    Ok(())
}

/// Reads the markup at the beginning; returns what follows it.
fn markup<'a>(text: &'a str, parts: &mut Vec<Part>) -> Result<&'a str, String> {
    if let Some(comment) = text.strip_prefix("<!--") {
        return after(comment, "-->", "a comment");
    }
    if text.starts_with("<!DOCTYPE") || text.starts_with("<!ENTITY") {
        return Err("a document type is not read; remove <!DOCTYPE …>".into());
    }
    if text.starts_with("<![CDATA[") {
        return Err("<![CDATA[…]]> is not read; write the text itself".into());
    }
    if let Some(declaration) = text.strip_prefix("<?xml") {
        return after(declaration, "?>", "<?xml");
    }
    let end = end_of_tag(text).ok_or_else(|| format!("the tag {:?} has no end", start_of(text)))?;
    let (inside, rest) = (&text[1..end], &text[end + 1..]);
    if let Some(name) = inside.strip_prefix('/') {
        parts.push(Part::Close(named(name.trim())?));
    } else {
        parts.push(Part::Open(tag(inside)?));
    }
    Ok(rest)
}

fn after<'a>(text: &'a str, end: &str, what: &str) -> Result<&'a str, String> {
    let (_, rest) = text.split_once(end).ok_or_else(|| format!("{what} has no end"))?;
    Ok(rest)
}

/// The `>` that ends the tag at the beginning, which is in no quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, c)| {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        None
    })
}

fn tag(inside: &str) -> Result<Tag, String> {
    let (inside, alone) = match inside.strip_suffix('/') {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let name = inside.split(char::is_whitespace).next().unwrap_or_default();
    let mut rest = inside[name.len()..].trim_start();
    let name = named(name)?;
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let broken = || format!("an attribute of <{name}> is not written like name=\"value\"");
        let (attribute, value) = rest.split_once('=').ok_or_else(broken)?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(broken)?;
        let (value, more) = value[1..].split_once(quote).ok_or_else(broken)?;
        attributes.push(Attribute { name: named(attribute.trim())?, value: plain(value)? });
        if attributes.len() > MOST_ATTRIBUTES {
            return Err(format!("<{name}> has more than {MOST_ATTRIBUTES} attributes"));
        }
        rest = more.trim_start();
    }
    Ok(Tag { name, attributes, alone })
}

fn named(name: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err(format!(
            "{:?} is no name of a tag; write a \"<\" that begins none as &lt;",
            start_of(name)
        ));
    }
    Ok(name.to_owned())
}

/// Replaces the five entities.
fn plain(raw: &str) -> Result<String, String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let entity = rest[at + 1..].split_once(';').filter(|(name, _)| name.len() <= 32);
        let Some((name, more)) = entity else {
            return Err("an \"&\" begins no entity; write it as &amp;".into());
        };
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => {
                return Err(format!(
                    "the entity &{other}; is not read; there are &amp; &lt; &gt; &quot; &apos;: write the character itself"
                ));
            }
        });
        rest = more;
    }
    out.push_str(rest);
    Ok(out)
}

/// The beginning of a text, for messages.
fn start_of(text: &str) -> String {
    text.chars().take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str, attributes: &[(&str, &str)], alone: bool) -> Part {
        let attributes = attributes
            .iter()
            .map(|(name, value)| Attribute { name: (*name).to_owned(), value: (*value).to_owned() })
            .collect();
        Part::Open(Tag { name: name.to_owned(), attributes, alone })
    }

    #[test]
    fn tags_text_and_the_five_entities_are_read() {
        let read = parts("<?xml version='1.0'?><a x='1' y=\"a>b\">1 &lt; 2<!-- <no> --><b/></a>").unwrap();
        let expected = vec![
            open("a", &[("x", "1"), ("y", "a>b")], false),
            Part::Text("1 < 2".to_owned()),
            open("b", &[], true),
            Part::Close("a".to_owned()),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn nothing_is_expanded_and_each_refusal_says_what_it_is_about() {
        for (text, told) in [
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "document type"),
            ("<a>&b;</a>", "the entity &b;"),
            ("<a>&#65;</a>", "the entity &#65;"),
            ("<a>Q & A</a>", "write it as &amp;"),
            ("<a", "has no end"),
            ("<a b>", "attribute of <a>"),
            ("<a b=c>", "attribute of <a>"),
            ("<![CDATA[x]]>", "CDATA"),
            ("1 < 2 > 1", "no name of a tag"),
            ("<!-- x", "a comment has no end"),
        ] {
            let fault = parts(text).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
    }
}
