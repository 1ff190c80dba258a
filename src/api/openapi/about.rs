//! What is said of one route: who it is for, what it takes, what it returns, with examples. Pure.

use serde_json::Value;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{
    Content, ContentBuilder, HeaderBuilder, RefOr, Required, Response, SecurityRequirement,
};

use super::shape::{Shape, file, named, text};
use super::topic::Topic;

/// The name of the operator's key.
pub(super) const ADMIN_KEY: &str = "adminKey";
/// JSON's media type.
pub(in crate::api) const JSON: &str = "application/json";

/// In which form a route's errors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Errors {
    /// Problem details (RFC 9457).
    Problem,
    /// As OpenAI's API has them.
    OpenAi,
    /// As `/speak` has them.
    Speak,
}

impl Errors {
    /// The name of their schema.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Problem => "Problem",
            Self::OpenAi => "ApiError",
            Self::Speak => "SpeakError",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Problem => "application/problem+json",
            Self::OpenAi | Self::Speak => JSON,
        }
    }
}

/// What is said of a route.
#[derive(Clone)]
pub(in crate::api) struct About {
    operation: Operation,
}

impl About {
    /// A route of this topic; `summary` says in a few words what it does.
    pub(in crate::api) fn new(topic: Topic, summary: &str) -> Self {
        let mut operation = Operation::new();
        operation.tags = Some(vec![topic.name().to_owned()]);
        operation.summary = Some(summary.to_owned());
        let about = Self { operation };
        // A client that is refused may see any status, of the guards before the handlers too.
        about.fails_as(Errors::Problem)
    }

    /// Says more.
    pub(in crate::api) fn more(mut self, description: &str) -> Self {
        self.operation.description = Some(description.to_owned());
        self
    }

    /// Needs the operator's key.
    pub(in crate::api) fn with_key(mut self) -> Self {
        let none: [&str; 0] = [];
        self.operation.security = Some(vec![SecurityRequirement::new(ADMIN_KEY, none)]);
        self
    }

    /// A part of the address, with an example.
    pub(in crate::api) fn part(self, name: &str, what: &str, example: &str) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
        let parameter = parameter.required(Required::True).description(Some(what)).schema(Some(text(what)));
        self.parameter(parameter.example(Some(example.into())).build())
    }

    /// A field of the query that may be left out.
    pub(in crate::api) fn query(self, name: &str, shape: Shape) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        self.parameter(parameter.required(Required::False).schema(Some(shape)).build())
    }

    /// A field of the query that has to be there, with an example.
    pub(in crate::api) fn needed_query(self, name: &str, shape: Shape, example: Value) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        let parameter = parameter.required(Required::True).schema(Some(shape)).example(Some(example));
        self.parameter(parameter.build())
    }

    /// A header of the request.
    pub(in crate::api) fn header(self, name: &str, shape: Shape) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        self.parameter(parameter.required(Required::False).schema(Some(shape)).build())
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.operation.parameters.get_or_insert_with(Vec::new).push(parameter);
        self
    }

    /// A body in this form, with an example where it can be written.
    pub(in crate::api) fn takes(self, kind: &str, shape: Shape, example: Option<Value>) -> Self {
        self.body(kind, shape, example, Required::True)
    }

    /// The same, where it may be left out.
    pub(in crate::api) fn may_take(self, kind: &str, shape: Shape, example: Option<Value>) -> Self {
        self.body(kind, shape, example, Required::False)
    }

    fn body(mut self, kind: &str, shape: Shape, example: Option<Value>, required: Required) -> Self {
        let body = self.operation.request_body.get_or_insert_with(RequestBody::new);
        body.required = Some(required);
        body.content.insert(kind.to_owned(), content(shape, example));
        self
    }

    /// A response of this status, without a body so far.
    pub(in crate::api) fn gives(mut self, status: &str, what: &str) -> Self {
        self.operation.responses.responses.insert(status.to_owned(), Response::new(what).into());
        self
    }

    /// A body of the response of this status, in this form.
    pub(in crate::api) fn holds(
        mut self,
        status: &str,
        kind: &str,
        shape: Shape,
        example: Option<Value>,
    ) -> Self {
        if let Some(response) = self.response(status) {
            response.content.insert(kind.to_owned(), content(shape, example));
        }
        self
    }

    /// A header of the response of this status.
    pub(in crate::api) fn tells(mut self, status: &str, name: &str, what: &str) -> Self {
        let header = HeaderBuilder::new().schema(text(what)).description(Some(what)).build();
        if let Some(response) = self.response(status) {
            response.headers.insert(name.to_owned(), header);
        }
        self
    }

    fn response(&mut self, status: &str) -> Option<&mut Response> {
        match self.operation.responses.responses.get_mut(status) {
            Some(RefOr::T(response)) => Some(response),
            _ => None,
        }
    }

    /// JSON.
    pub(in crate::api) fn answers(self, what: &str, shape: Shape, example: Value) -> Self {
        self.gives("200", what).holds("200", JSON, shape, Some(example))
    }

    /// A file of one of these types.
    pub(in crate::api) fn sends(self, what: &str, kinds: &[&str]) -> Self {
        kinds.iter().fold(self.gives("200", what), |about, kind| about.holds("200", kind, file(what), None))
    }

    /// Nothing but that it is done.
    pub(in crate::api) fn done(self, what: &str) -> Self {
        self.gives("204", what)
    }

    /// In which form errors are; problem details unless this is said.
    pub(in crate::api) fn fails_as(self, errors: Errors) -> Self {
        let what = "The request is refused, or the server cannot serve it now: with Retry-After, later.";
        let about = self.gives("default", what).holds("default", errors.kind(), named(errors.name()), None);
        if errors == Errors::Problem {
            return about;
        }
        // Guards before the handlers have one form for all.
        let guard = Errors::Problem;
        about.holds("default", guard.kind(), named(guard.name()), None)
    }

    /// Problem details with this status.
    pub(in crate::api) fn refuses(self, status: &str, what: &str) -> Self {
        let errors = Errors::Problem;
        self.gives(status, what).holds(status, errors.kind(), named(errors.name()), None)
    }

    /// As OpenAPI has it.
    pub(super) fn operation(&self, id: String) -> Operation {
        let mut operation = self.operation.clone();
        operation.operation_id = Some(id);
        operation
    }
}

fn content(shape: Shape, example: Option<Value>) -> Content {
    ContentBuilder::new().schema(Some(shape)).example(example).build()
}
