//! Voices behind HTTP APIs, against real HTTP servers that follow the recorded contracts.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod speech_server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};
use speech_server::{
    KEY, Parts, RATE, answers, closes, config, connect, heard, listens, parts, pcm, request, serve, tone,
    wav, written,
};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use visavis_config::{Secret, TtsApi, TtsFormat, TtsSpeaker};
use visavis_engine::{EngineError, TtsRequest, WordTimes};

/// Far longer than anything here takes; only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn sound_is_streamed_with_the_key_and_the_fields_configured_and_has_words() {
    let (asked, mut seen) = mpsc::channel(1);
    let url = answers(move |headers, body| {
        asked.try_send((headers, body)).unwrap();
        let sound = [pcm(&tone(RATE as usize)), vec![9]].concat();
        ([(CONTENT_TYPE, "audio/pcm")], Body::from_stream(speech_server::cut(&sound, 333))).into_response()
    })
    .await;
    let mut config = config(TtsApi::OpenAi, url);
    (config.tts.format, config.tts.speed) = (TtsFormat::Pcm, 1.2);
    config.tts.headers.insert("x-team".into(), Secret::new("calls"));
    config.tts.body.insert("stream".into(), json!(true));
    let tts = connect(&config);
    assert_eq!(tts.engine.capabilities().word_times, WordTimes::Estimated);
    let found = parts(&tts, request("One two three.", "")).await.unwrap();
    assert!(found.len() > 2, "{} parts", found.len());
    assert_eq!(heard(&found), tone(RATE as usize), "half a sample at the end is dropped");
    let words: Vec<_> = found.iter().flat_map(|part| &part.words).map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["One", "two", "three"]);
    let (headers, body) = seen.recv().await.unwrap();
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {KEY}"));
    assert_eq!(headers["x-team"], "calls");
    let expected = json!({
        "model": "small", "input": "One two three.", "voice": "joe", "response_format": "pcm", "speed": 1.2, "stream": true,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn sound_that_is_no_longer_wanted_closes_its_connection_within_100_ms() {
    let (opened, mut streams) = mpsc::channel(1);
    let url = answers(move |_, _| {
        let (sender, response) = written("audio/wav");
        sender.try_send(Ok(wav(&tone(RATE as usize / 2), 1, 16, u32::MAX))).unwrap();
        opened.try_send(sender).unwrap();
        response
    })
    .await;
    let tts = connect(&config(TtsApi::OpenAi, url));
    let mut best = Duration::MAX;
    // The best of five counts: other tests may use the processor meanwhile.
    for _ in 0..5 {
        let mut sound = tts.engine.synthesize(request("Once upon a time.", "")).await.unwrap();
        assert!(sound.next().await.unwrap().is_ok());
        let sender = streams.recv().await.unwrap();
        assert!(timeout(Duration::from_millis(50), sender.closed()).await.is_err(), "it is still wanted");
        let began = Instant::now();
        drop(sound);
        timeout(PATIENCE, sender.closed()).await.unwrap();
        best = best.min(began.elapsed());
    }
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[tokio::test]
async fn wav_of_every_usual_form_sounds_the_same() {
    let samples = tone(4800);
    let stereo: Vec<i16> = samples.iter().flat_map(|sample| [*sample, *sample]).collect();
    for (name, file) in [
        ("16 bits", wav(&samples, 1, 16, 9600)),
        ("no length", wav(&samples, 1, 16, 0)),
        ("an impossible length", wav(&samples, 1, 16, u32::MAX)),
        ("stereo", wav(&stereo, 2, 16, 19_200)),
        ("8 bits", wav(&samples, 1, 8, 4800)),
        ("24 bits", wav(&samples, 1, 24, 14_400)),
        ("32 bits", wav(&samples, 1, 32, 19_200)),
        ("floats", wav(&samples, 1, 33, 19_200)),
    ] {
        for streamed in [false, true] {
            let file = file.clone();
            let url = answers(move |_, _| {
                let body = if streamed {
                    Body::from_stream(speech_server::cut(&file, 7))
                } else {
                    Body::from(file.clone())
                };
                ([(CONTENT_TYPE, "audio/wav")], body).into_response()
            })
            .await;
            let tts = connect(&config(TtsApi::OpenAi, url));
            let found = heard(&parts(&tts, request("Hello.", "")).await.unwrap());
            assert_eq!(found.len(), samples.len(), "{name}");
            let off = found.iter().zip(&samples).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(off < 300, "{name}: {off}");
        }
    }
}

#[tokio::test]
async fn each_fault_says_what_to_do_and_never_shows_the_key() {
    let json = "application/json";
    let empty = wav(&[], 1, 16, 0);
    let raw = pcm(&tone(100));
    for (status, kind, body, part) in [
        (401, json, format!("{{\"error\":{{\"message\":\"no key {KEY}\"}}}}").into_bytes(), "tts.key"),
        (404, json, br#"{"error":{"message":"The model small does not exist"}}"#.to_vec(), "tts.model"),
        (404, json, br#"{"detail":"Not Found"}"#.to_vec(), "tts.url"),
        (500, json, br#"{"error":"out of memory"}"#.to_vec(), "out of memory"),
        (200, "text/html", b"<!doctype html><h1>Welcome</h1>".to_vec(), "web page"),
        (200, "audio/wav", b"<!doctype html><h1>Welcome</h1>".to_vec(), "web page"),
        (
            200,
            json,
            format!("{{\"error\":{{\"message\":\"{KEY} has no sound\"}}}}").into_bytes(),
            "has no sound",
        ),
        (200, "audio/wav", br#"{"error":"late"}"#.to_vec(), "JSON"),
        (200, "audio/mpeg", b"ID3\x04".to_vec(), "MP3"),
        (200, "audio/wav", b"OggS and more".to_vec(), "Ogg"),
        (200, "audio/wav", raw, "Set tts.format"),
        (200, "audio/wav", Vec::new(), "sends no sound for a text with words"),
        (200, "audio/wav", empty, "sends no sound for a text with words"),
        (200, "audio/wav", wav(&tone(100), 1, 16, 400), "200 bytes of its WAV file are missing"),
    ] {
        let url = answers(move |_, _| {
            (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, kind)], body.clone()).into_response()
        })
        .await;
        let tts = connect(&config(TtsApi::OpenAi, url));
        let error = parts(&tts, request("Hello.", "en")).await.unwrap_err().1;
        assert!(matches!(error, EngineError::Failed(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains(KEY), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_refused_voice_lets_another_one_speak() {
    let body = json!({ "error": { "message": "Voice 'joe' not found" } });
    let url = answers(move |_, _| (StatusCode::BAD_REQUEST, Json(body.clone())).into_response()).await;
    let tts = connect(&config(TtsApi::OpenAi, url));
    let error = parts(&tts, request("Hello.", "en")).await.unwrap_err().1;
    assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
}

#[tokio::test]
async fn a_voice_or_a_language_that_is_not_there_is_refused_without_a_request() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let url = listens(json!({ "voices": ["af_heart", "ef_dora"] }), move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        ([(CONTENT_TYPE, "audio/wav")], wav(&tone(2400), 1, 16, 4800)).into_response()
    })
    .await;
    let mut config = config(TtsApi::OpenAi, url);
    config.tts.voice.clear();
    let mut tts = connect(&config);
    timeout(PATIENCE, tts.status.wait_for(|status| status.ready)).await.unwrap().unwrap();
    assert_eq!(tts.status.borrow().languages, ["en", "es"]);
    for (voice, language) in [("bob", ""), ("", "de"), ("af_heart", "es")] {
        let request = TtsRequest { voice: voice.into(), ..request("Hello.", language) };
        let error = parts(&tts, request).await.unwrap_err().1;
        assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
        assert!(error.to_string().contains("available: af_heart (en), ef_dora (es)"), "{error}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert_eq!(heard(&parts(&tts, request("Hola.", "es")).await.unwrap()).len(), 2400);
    let names: Vec<_> = tts.engine.voices().await.unwrap().into_iter().map(|voice| voice.name).collect();
    assert_eq!(names, ["af_heart", "ef_dora"]);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_where_that_is_soon() {
    for (told, waits) in [(Some("1"), true), (None, true), (Some("60"), false)] {
        let asked = Arc::new(AtomicU32::new(0));
        let counted = asked.clone();
        let url = answers(move |_, _| {
            if counted.fetch_add(1, Ordering::Relaxed) > 0 {
                return ([(CONTENT_TYPE, "audio/wav")], wav(&tone(2400), 1, 16, 4800)).into_response();
            }
            let mut response = (StatusCode::TOO_MANY_REQUESTS, "slow down").into_response();
            if let Some(seconds) = told {
                response.headers_mut().insert(RETRY_AFTER, seconds.parse().unwrap());
            }
            response
        })
        .await;
        let (tts, began) = (connect(&config(TtsApi::OpenAi, url)), Instant::now());
        let found = parts(&tts, request("Hello.", "")).await;
        if waits {
            assert_eq!(heard(&found.unwrap()).len(), 2400);
            assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
        } else {
            let error = found.unwrap_err().1;
            assert!(matches!(error, EngineError::Busy(_)) && error.to_string().contains("60 s"), "{error}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), if waits { 2 } else { 1 });
    }
}

#[tokio::test]
async fn sound_that_breaks_off_keeps_its_beginning_in_parts_that_a_second_attempt_repeats() {
    let asked = Arc::new(AtomicU32::new(0));
    let url = answers(move |_, _| {
        let whole = asked.fetch_add(1, Ordering::Relaxed) > 0;
        let (sender, response) = written("audio/wav");
        tokio::spawn(async move {
            let sound = wav(&tone(RATE as usize), 1, 16, u32::MAX);
            let (first, second) = sound.split_at(sound.len() * 2 / 3);
            sender.send(Ok(first.to_vec())).await.unwrap();
            // The beginning is on its way before the connection is cut.
            sleep(Duration::from_millis(100)).await;
            let rest = if whole { Ok(second.to_vec()) } else { Err(std::io::Error::other("cut")) };
            sender.send(rest).await.unwrap();
        });
        response
    })
    .await;
    let tts = connect(&config(TtsApi::OpenAi, url));
    let (begun, error) = parts(&tts, request("One two three.", "")).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed(_)) && error.to_string().contains("broke off"), "{error}");
    let whole = parts(&tts, request("One two three.", "")).await.unwrap();
    assert!(!begun.is_empty() && begun.len() < whole.len(), "{} of {}", begun.len(), whole.len());
    let sounds = |parts: &Parts| parts.iter().map(|part| part.samples.clone()).collect::<Vec<_>>();
    assert_eq!(sounds(&begun), sounds(&whole)[..begun.len()]);
}

#[tokio::test]
async fn a_sound_that_only_its_connection_ends_is_cut_where_its_length_its_last_sample_or_its_text_says_so() {
    let (second, short) = (tone(RATE as usize), tone(RATE as usize / 4));
    let size = |samples: &[i16]| u32::try_from(samples.len() * 2).unwrap();
    let (raw, told, open) = (pcm(&second), wav(&second, 1, 16, size(&second)), wav(&second, 1, 16, u32::MAX));
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len() - by].to_vec();
    let json = br#"{"audio":"UklGR"#.to_vec();
    for (kind, format, sound, why) in [
        ("audio/pcm", TtsFormat::Pcm, raw.clone(), None),
        ("audio/pcm", TtsFormat::Pcm, cut(&raw, 1), Some("(the connection was closed within a sample)")),
        ("audio/pcm", TtsFormat::Pcm, pcm(&short), Some("closed after 0.25 s of sound for 22 letters)")),
        ("audio/wav", TtsFormat::Wav, told.clone(), None),
        ("audio/wav", TtsFormat::Wav, cut(&told, 100), Some("100 bytes of its WAV file are missing")),
        ("audio/wav", TtsFormat::Wav, wav(&short, 1, 16, size(&short)), None),
        ("audio/wav", TtsFormat::Wav, open.clone(), None),
        ("audio/wav", TtsFormat::Wav, cut(&open, 1), Some("(the connection was closed within a sample)")),
        ("audio/wav", TtsFormat::Wav, wav(&short, 1, 16, 0), Some("0.25 s of sound for 22 letters)")),
        ("application/json", TtsFormat::Wav, json, Some("(the connection was closed within its JSON)")),
    ] {
        let mut config = config(TtsApi::OpenAi, closes(kind, sound).await);
        config.tts.format = format;
        let found = parts(&connect(&config), request("One two three four five six.", "")).await;
        match (found, why) {
            (Ok(found), None) => assert!(!heard(&found).is_empty()),
            (Err((begun, error)), Some(why)) => {
                assert!(matches!(error, EngineError::Failed(_)), "{error:?}");
                let text = error.to_string();
                assert!(text.contains("broke off") && text.contains(why), "{why}: {text}");
                let whole = begun.iter().map(|part| part.samples.len()).sum::<usize>();
                assert!(whole < second.len(), "the last part could not be repeated");
            }
            (found, why) => panic!("{kind}, {why:?}: {:?}", found.map(|parts| parts.len())),
        }
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_before_and_within_a_sound() {
    for begins in [false, true] {
        let url = answers(move |_, _| {
            let (sender, response) = written("audio/wav");
            tokio::spawn(async move {
                if begins {
                    sender.send(Ok(wav(&tone(RATE as usize / 2), 1, 16, u32::MAX))).await.unwrap();
                }
                sender.closed().await;
            });
            response
        })
        .await;
        let mut config = config(TtsApi::OpenAi, url);
        let setting = if begins { "tts.stall_seconds" } else { "tts.silence_seconds" };
        *(if begins { &mut config.tts.stall_seconds } else { &mut config.tts.silence_seconds }) = 1;
        let (begun, error) = parts(&connect(&config), request("Hello.", "")).await.unwrap_err();
        assert_eq!(!begun.is_empty(), begins);
        assert!(error.to_string().contains(&format!("raise {setting}")), "{error}");
    }
}

#[tokio::test]
async fn a_sound_that_nobody_waits_for_may_stall_for_longer() {
    let url = answers(|_, _| {
        let (sender, response) = written("audio/wav");
        tokio::spawn(async move {
            sender.send(Ok(wav(&tone(RATE as usize / 2), 1, 16, u32::MAX))).await.unwrap();
            sleep(Duration::from_secs(3)).await;
            _ = sender.send(Ok(pcm(&tone(RATE as usize / 2)))).await;
        });
        response
    })
    .await;
    let mut config = config(TtsApi::OpenAi, url);
    config.tts.stall_seconds = 1;
    let tts = connect(&config);
    let (_, error) = parts(&tts, request("Hello.", "")).await.unwrap_err();
    assert!(error.to_string().contains("raise tts.stall_seconds"), "{error}");
    let ahead = TtsRequest { ahead: true, ..request("Hello.", "") };
    assert_eq!(heard(&parts(&tts, ahead).await.unwrap()).len(), RATE as usize);
}

#[tokio::test]
async fn a_sound_that_is_far_too_long_for_its_text_is_cut_off() {
    let url = answers(|_, _| {
        let (sender, response) = written("audio/wav");
        tokio::spawn(async move {
            sender.send(Ok(wav(&[], 1, 8, u32::MAX))).await.unwrap();
            // A minute at a time, with 8 bits per sample.
            while sender.send(Ok(vec![128; 60 * RATE as usize])).await.is_ok() {}
        });
        response
    })
    .await;
    let tts = connect(&config(TtsApi::OpenAi, url));
    let (_, error) = parts(&tts, request("Hello.", "")).await.unwrap_err();
    assert!(error.to_string().contains("more than 36 seconds"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_ready_says_what_to_set_and_one_without_a_list_is_ready() {
    let denies = serve(Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await;
    let page = serve(Router::new().fallback(|| async { Html("<h1>Welcome</h1>") })).await;
    for (url, part) in
        [(denies, "Set tts.key"), (page, "web page"), ("http://127.0.0.1:9".into(), "correct tts.url")]
    {
        let mut tts = connect(&config(TtsApi::OpenAi, url));
        let found = tts.status.wait_for(|status| status.message.contains(part));
        assert!(!timeout(PATIENCE, found).await.unwrap().unwrap().ready);
    }
    let refuses = post(|| async { StatusCode::UNPROCESSABLE_ENTITY });
    let mut tts =
        connect(&config(TtsApi::OpenAi, serve(Router::new().route("/v1/audio/speech", refuses)).await));
    timeout(PATIENCE, tts.status.wait_for(|status| status.ready)).await.unwrap().unwrap();
}

#[tokio::test]
async fn piper_is_spoken_to_in_the_form_that_it_has() {
    let list = json!({ "de_DE-eva-medium": { "language": { "code": "de_DE" } } });
    for (path, listed) in [("/synthesize", true), ("/", true), ("/", false)] {
        let (asked, mut seen) = mpsc::channel(4);
        let speak = post(move |body: String| {
            asked.try_send(body).unwrap();
            // Flask sets no content type of its own.
            let sound = wav(&tone(2400), 1, 16, 4800);
            async move { ([(CONTENT_TYPE, "text/html; charset=utf-8")], sound) }
        });
        let mut router = Router::new().route(path, speak);
        if listed {
            let list = list.clone();
            router = router.route("/voices", get(move || async move { Json(list) }));
        }
        let mut config = config(TtsApi::Piper, serve(router).await.replace("/v1", ""));
        (config.tts.voice, config.tts.model) = (String::new(), String::new());
        config.tts.languages = vec!["de".into()];
        let tts = connect(&config);
        assert_eq!(heard(&parts(&tts, request("Hallo.", "de")).await.unwrap()).len(), 2400);
        let body = seen.recv().await.unwrap();
        let expected = json!({ "text": "Hallo.", "voice": "de_DE-eva-medium" });
        if listed {
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected, "{path}");
        } else {
            assert_eq!(body, "Hallo.");
        }
    }
}

#[tokio::test]
async fn cloudflares_sound_is_raw_or_inside_json() {
    for encoded in [false, true] {
        let sound = wav(&tone(2400), 1, 16, 4800);
        let speak = post(move |Json(body): Json<Value>| async move {
            assert_eq!((&body["prompt"], &body["lang"]), (&json!("Hola."), &json!("es")));
            if encoded {
                let text = speech_server::base64(&sound);
                return Json(json!({ "result": { "audio": text }, "success": true })).into_response();
            }
            ([(CONTENT_TYPE, "audio/wav")], sound).into_response()
        });
        let url = serve(Router::new().route("/v1/ai/run/@cf/myshell-ai/melotts", speak)).await;
        let mut config = config(TtsApi::Cloudflare, url);
        config.tts.model = "@cf/myshell-ai/melotts".into();
        config.tts.voice.clear();
        config.tts.languages = vec!["en".into(), "es".into()];
        let found = parts(&connect(&config), request("Hola.", "es")).await.unwrap();
        assert_eq!(heard(&found).len(), 2400);
    }
}

#[tokio::test]
async fn a_configured_voice_is_asked_for_by_its_name_at_the_server() {
    let (asked, mut seen) = mpsc::channel(1);
    let url = answers(move |_, body| {
        asked.try_send(body).unwrap();
        ([(CONTENT_TYPE, "audio/wav")], wav(&tone(2400), 1, 16, 4800)).into_response()
    })
    .await;
    let mut config = config(TtsApi::OpenAi, url);
    let (name, language, locale) = ("Anna".into(), "de".into(), String::new());
    config.tts.speakers = vec![TtsSpeaker { name, language, locale, id: "de-7".into() }];
    config.tts.fields.insert("language".into(), "lang".into());
    let tts = connect(&config);
    parts(&tts, TtsRequest { voice: "Anna".into(), ..request("Hallo.", "de") }).await.unwrap();
    let body = seen.recv().await.unwrap();
    assert_eq!((&body["voice"], &body["lang"]), (&json!("de-7"), &json!("de")));
}
