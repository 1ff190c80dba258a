use std::collections::BTreeSet;

use axum::Extension;
use axum::body::to_bytes;
use serde_json::{Value, json};

use super::*;
use crate::api::jobs::texts::{Form, Texts};
use crate::api::openai::closed;
use crate::api::openapi::{address, describe, openapi};
use crate::api::{offer, speech as spoken};

/// The description of the whole table.
fn description() -> Value {
    let document = Document::default();
    let table = Routes::all(&document);
    serde_json::to_value(describe(table.iter().map(Route::described))).unwrap()
}

fn method(route: &Route) -> String {
    serde_json::to_value(HttpMethod::from(route.method)).unwrap().as_str().unwrap().to_owned()
}

/// All operations, with their methods and addresses.
fn operations(description: &Value) -> Vec<(String, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    let methods = ["get", "post", "put", "patch", "delete"];
    paths
        .iter()
        .flat_map(|(path, item)| {
            methods.iter().filter_map(move |method| Some((format!("{method} {path}"), item.get(*method)?)))
        })
        .collect()
}

/// The parts of an address that are in braces.
fn parts(address: &str) -> BTreeSet<&str> {
    address.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

#[test]
fn each_route_is_described_with_its_topic_its_parts_and_what_it_answers() {
    let described = description();
    let topics: Vec<&str> =
        described["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let document = Document::default();
    let table = Routes::all(&document);
    let mut seen = 0;
    for route in table.iter() {
        let place = format!("{} {}", method(route), route.path);
        let address = address(route.path);
        let operation = &described["paths"][&address][&method(route)];
        assert!(operation.is_object(), "{place} is not described");
        assert!(
            operation["summary"].as_str().is_some_and(|summary| summary.len() > 3),
            "{place}: {operation}"
        );
        assert!(topics.contains(&operation["tags"][0].as_str().unwrap()), "{place}: {operation}");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.contains_key("default"), "{place} does not say how it fails");
        assert!(answers.keys().any(|status| status.starts_with(['1', '2'])), "{place} never succeeds");
        let named = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = named.iter().filter(|parameter| parameter["in"] == "path");
        let named: BTreeSet<&str> = named.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(named, parts(&address), "{place}");
        seen += 1;
    }
    assert_eq!(operations(&described).len(), seen, "a description has no route, or two have one");
    assert!(seen >= 35, "{seen} routes");
}

#[test]
fn each_operation_has_a_name_of_its_own() {
    let described = description();
    let names: Vec<&str> =
        operations(&described).iter().map(|(_, told)| told["operationId"].as_str().unwrap()).collect();
    let different: BTreeSet<&&str> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

/// All references below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn each_reference_leads_to_a_schema_and_each_schema_is_referred_to() {
    let described = description();
    let mut found = Vec::new();
    references(&described, &mut found);
    assert!(!found.is_empty());
    for reference in &found {
        let place = reference.strip_prefix('#').unwrap_or("elsewhere");
        assert!(described.pointer(place).is_some_and(Value::is_object), "{reference} leads nowhere");
    }
    for name in described["components"]["schemas"].as_object().unwrap().keys() {
        let reference = format!("#/components/schemas/{name}");
        assert!(found.contains(&reference.as_str()), "nothing refers to {name}");
    }
}

/// The bodies of an operation: those of its request and of its responses.
fn bodies(operation: &Value) -> Vec<(&String, &Value)> {
    let responses = operation["responses"].as_object().into_iter().flat_map(|all| all.values());
    let all = responses.chain(operation.get("requestBody"));
    all.filter_map(|body| body["content"].as_object()).flatten().collect()
}

#[test]
fn each_example_is_as_its_schema_says() {
    let described = description();
    let mut seen = 0;
    for (place, operation) in operations(&described) {
        for (kind, content) in bodies(operation) {
            let Some(example) = content.get("example") else { continue };
            let schema = jsonschema::validator_for(&content["schema"])
                .unwrap_or_else(|fault| panic!("{place}, {kind}: {fault}"));
            if let Err(fault) = schema.validate(example) {
                panic!("{place}, {kind}: {fault}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 25, "{seen} examples");
}

#[test]
fn each_request_in_json_or_as_a_form_has_an_example() {
    let described = description();
    for (place, operation) in operations(&described) {
        let Some(body) = operation.get("requestBody") else { continue };
        for (kind, content) in body["content"].as_object().unwrap() {
            let is_written = ["application/json", "multipart/form-data"].contains(&kind.as_str());
            assert!(!is_written || content.get("example").is_some(), "{place}, {kind}");
        }
    }
}

#[test]
fn the_examples_are_taken_by_what_reads_them() {
    let described = description();
    let example = |path: &str, method: &str| {
        described["paths"][path][method]["requestBody"]["content"]["application/json"]["example"].clone()
    };
    serde_json::from_value::<offer::Offer>(example("/api/offer", "post")).unwrap();
    serde_json::from_value::<offer::Candidates>(example("/api/offer", "patch")).unwrap();
    spoken::Asked::speak(example("/speak", "post").to_string().as_bytes()).unwrap();
    spoken::Asked::openai(example("/v1/audio/speech", "post").to_string().as_bytes()).unwrap();
    for (path, form) in [("/api/jobs", Form::Job), ("/generate_batch", Form::Batch)] {
        let body = example(path, "post").to_string();
        let texts = Texts::read(form, body.as_bytes()).unwrap();
        assert_eq!(texts.lines(|_| Ok(())).filter(Result::is_ok).count(), 2, "{path}");
    }
}

/// The request of an operation in JSON.
fn asked<'a>(described: &'a Value, path: &str) -> &'a Value {
    &described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
}

/// The example of a request, with null for each field that may be left out.
fn with_nulls(asked: &Value) -> Value {
    let mut body = asked["example"].clone();
    let needed = asked["schema"]["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for name in asked["schema"]["properties"].as_object().unwrap().keys() {
        if !needed.contains(&Value::from(name.as_str())) {
            body[name] = Value::Null;
        }
    }
    body
}

#[test]
fn null_is_described_where_it_is_taken_as_nothing() {
    let described = description();
    let null_of = |path: &str| {
        let asked = asked(&described, path);
        let body = with_nulls(asked);
        let schema = jsonschema::validator_for(&asked["schema"]).unwrap();
        assert!(schema.validate(&body).is_ok(), "{path}: {body}");
        body.to_string()
    };
    spoken::Asked::speak(null_of("/speak").as_bytes()).unwrap();
    spoken::Asked::openai(null_of("/v1/audio/speech").as_bytes()).unwrap();
    serde_json::from_str::<offer::Offer>(&null_of("/api/offer")).map(drop).unwrap();
    for path in ["/v1/chat/completions", "/v1/completions"] {
        null_of(path);
    }
    for (path, form) in [("/api/jobs", Form::Job), ("/generate_batch", Form::Batch)] {
        let body = null_of(path);
        let texts = Texts::read(form, body.as_bytes()).unwrap();
        assert_eq!(texts.lines(|_| Ok(())).filter(Result::is_ok).count(), 2, "{path}");
    }
    let own =
        json!({ "items": [{ "text": "a", "voice": null, "speed": null, "format": null, "lexicon": null }] });
    let jobs = jsonschema::validator_for(&asked(&described, "/api/jobs")["schema"]).unwrap();
    assert!(jobs.validate(&own).is_ok());
    let own = own.to_string();
    let texts = Texts::read(Form::Job, own.as_bytes()).unwrap();
    assert!(texts.lines(|_| Ok(())).all(|line| line.is_ok()));
}

#[test]
fn a_name_of_a_job_is_as_long_as_is_described() {
    let described = description();
    let schema = jsonschema::validator_for(&asked(&described, "/api/jobs")["schema"]).unwrap();
    for (letters, is_taken) in [(200, true), (201, false)] {
        let body = json!({ "items": ["a"], "name": "é".repeat(letters) });
        assert_eq!(schema.validate(&body).is_ok(), is_taken, "{letters}");
        assert_eq!(Texts::read(Form::Job, body.to_string().as_bytes()).is_ok(), is_taken, "{letters}");
    }
}

#[test]
fn all_routes_whose_handlers_bound_bodies_themselves_give_uploads_their_time() {
    let table = Routes::all(&Document::default());
    let uploads: BTreeSet<&str> =
        table.iter().filter(|route| route.is_upload).map(|route| route.path).collect();
    let expected = [
        "/align",
        "/align_batch",
        "/api/jobs",
        "/generate_batch",
        "/transcribe",
        "/transcribe_batch",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
    ];
    assert_eq!(uploads, BTreeSet::from(expected));
    let described = description();
    for path in expected.into_iter().filter(|path| *path != "/generate_batch") {
        let body = &described["paths"][path]["post"]["requestBody"]["content"];
        assert!(body["audio/*"].is_object() && body["video/*"].is_object(), "{path}");
    }
}

#[test]
fn a_router_is_made_of_the_table_without_two_routes_at_one_place() {
    let table = Routes::all(&Document::default());
    // It panics if there are two.
    let _: Router<App> = router(table.own).merge(closed(router(table.openai)));
}

#[tokio::test]
async fn the_description_is_served_as_it_was_written_first() {
    let document = Document::default();
    let table = Routes::all(&document);
    document.write(table.iter().map(Route::described));
    document.write([]);
    let response = openapi(Extension(document)).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = to_bytes(response.into_body(), 1 << 22).await.unwrap();
    let served: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served, description());
}
