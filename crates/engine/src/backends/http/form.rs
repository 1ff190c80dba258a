//! Forms with files, as web servers take them (`multipart/form-data`). Pure.

/// A form with a file.
#[derive(Debug)]
pub(in crate::backends) struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// An empty form; `unlike`: bytes of its file, which must not contain the boundary.
    pub(in crate::backends) fn new(unlike: &[u8]) -> Self {
        // Uses the first numbered boundary that does not occur in the file.
        let holds = |line: &str| unlike.windows(line.len()).any(|bytes| bytes == line.as_bytes());
        let mut lines = (0_u32..).map(|number| format!("visavis-{number:024}"));
        let boundary = lines.find(|line| !holds(line)).unwrap_or_default();
        Self { boundary, body: Vec::new() }
    }

    /// Adds a field.
    pub(in crate::backends) fn text(mut self, name: &str, value: &str) -> Self {
        self.head(name, "", "");
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a WAV file.
    pub(in crate::backends) fn wav(mut self, name: &str, file: &str, bytes: &[u8]) -> Self {
        let file = format!("; filename=\"{}\"", plain(file));
        self.head(name, &file, "Content-Type: audio/wav\r\n");
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// The value of `Content-Type`, and the body.
    pub(in crate::backends) fn finish(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }

    fn head(&mut self, name: &str, more: &str, kind: &str) {
        let head = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"{more}\r\n{kind}\r\n",
            self.boundary,
            plain(name)
        );
        self.body.extend_from_slice(head.as_bytes());
    }
}

/// A name without characters that would end it.
fn plain(name: &str) -> String {
    name.replace(['"', '\r', '\n', '\\'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_fields_in_order_and_its_file_unchanged() {
        let (kind, body) =
            Form::new(b"RIFF").text("input", "Hi \u{fc}").wav("clip", "a\".wav", b"RIFF").finish();
        let line = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{line}\r\nContent-Disposition: form-data; name=\"input\"\r\n\r\nHi \u{fc}\r\n\
             --{line}\r\nContent-Disposition: form-data; name=\"clip\"; filename=\"a_.wav\"\r\n\
             Content-Type: audio/wav\r\n\r\nRIFF\r\n--{line}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn the_line_between_fields_is_not_in_the_file() {
        let (usual, _) = Form::new(b"").finish();
        let line = usual.split_once("boundary=").unwrap().1.to_owned();
        let (other, _) = Form::new(format!("..{line}..").as_bytes()).finish();
        assert_ne!(usual, other);
    }
}
