//! An answer that is cut off in the middle: the server is killed and started again, or killed beside a second one, or the client leaves
//! as a page that is loaded anew. How soon does it go on, at which word, and does the agent know what it was told before?

use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use super::heard::{End, Heard, Until};
use super::node::Build;
use super::person::Person;
use super::redial::First;
use super::site::Site;
use super::words::Seam;
use crate::harness::words::words;
use crate::statistics::{Summary, summarise};
use visavis_client::turn::Question;
use visavis_client::{Call, Recalled, signed_ms};

/// Names of the dog that the agent is told of, another one in each trial.
const DOGS: [&str; 5] = ["Rex", "Bruno", "Nero", "Luna", "Otto"];
const ASKS: &str = "What is the name of my dog?";
/// Words at a seam that may be lost, or said twice: the one that sounds as it is cut.
const SEAM: usize = 1;

/// What cuts the answer off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Blow {
    /// The server is killed (SIGKILL) and started again.
    Kill,
    /// The first of two servers is killed (SIGKILL), and the client comes to the second.
    Takeover,
    /// The client leaves and comes back at once.
    Reload,
}

impl Blow {
    /// How soon the agent must be heard again, in ms: after the server is ready, after the first of two was killed, or after the client
    /// left.
    #[must_use]
    pub fn limit_ms(self) -> f64 {
        match self {
            Self::Kill | Self::Takeover => 2_000.0,
            Self::Reload => 1_500.0,
        }
    }
}

/// One answer that was cut off.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trial {
    /// From the kill until the server was ready again, in ms; none: nobody waited for it.
    pub down_ms: Option<f64>,
    /// Until the agent was heard again, in ms.
    pub sound_ms: Option<f64>,
    /// The words at which the response goes on; none: the server did not say what it goes on from.
    pub seam: Option<Seam>,
    /// What the server goes on from has the fact.
    pub remembered: bool,
    /// The next answer has it.
    pub used: bool,
    /// That answer.
    pub answer: String,
    /// Why the trial came to nothing.
    pub fault: Option<String>,
}

impl Trial {
    /// What went wrong; empty: nothing.
    #[must_use]
    pub fn faults(&self, blow: Blow) -> Vec<String> {
        if let Some(fault) = &self.fault {
            return vec![fault.clone()];
        }
        let smooth = |seam: Seam| seam.lost <= SEAM && seam.repeated <= SEAM;
        let faults = [
            (self.sound_ms.is_none_or(|ms| ms > blow.limit_ms()), "the next sound came late"),
            (!self.used, "the next answer lacks the fact"),
            (blow == Blow::Reload && !self.seam.is_some_and(smooth), "it did not go on at the word"),
        ];
        faults.into_iter().filter(|(wrong, _)| *wrong).map(|(_, what)| what.to_owned()).collect()
    }
}

/// All answers that were cut off in one way.
#[derive(Debug, Clone, Serialize)]
pub struct CutReport {
    /// What cut them off.
    pub blow: Blow,
    /// The answers.
    pub trials: Vec<Trial>,
    /// Until the agent was heard again, in ms.
    pub sound: Option<Summary>,
    /// Trials without a fault.
    pub good: usize,
    /// Whether all are.
    pub passed: bool,
}

/// How the answers are cut off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts {
    pub(super) blow: Blow,
    pub(super) repeat: u16,
    /// How long after its first sound.
    pub(super) after: Duration,
}

/// Cuts answers off at servers of its own.
///
/// # Errors
/// When the server does not start.
pub(super) async fn run(
    build: &Build,
    person: &Person,
    cuts: Cuts,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<CutReport> {
    let mut site = match cuts.blow {
        Blow::Kill | Blow::Reload => Site::of_one(build)?,
        Blow::Takeover => Site::of_two(build).await?,
    };
    let mut trials = Vec::new();
    for number in 0..usize::from(cuts.repeat) {
        site.until_ready().await?;
        let played = Box::pin(play(&mut site, person, cuts, number)).await;
        let fault = |error: anyhow::Error| Trial { fault: Some(format!("{error:#}")), ..Trial::default() };
        let trial = played.unwrap_or_else(fault);
        tell(&serde_json::to_string(&trial)?);
        trials.push(trial);
    }
    site.stop().await?;
    Ok(report(cuts.blow, trials))
}

fn report(blow: Blow, trials: Vec<Trial>) -> CutReport {
    let good = trials.iter().filter(|trial| trial.faults(blow).is_empty()).count();
    let sound = summarise(trials.iter().filter_map(|trial| trial.sound_ms).collect());
    CutReport { blow, sound, good, passed: good == trials.len(), trials }
}

async fn play(site: &mut Site, person: &Person, cuts: Cuts, number: usize) -> anyhow::Result<Trial> {
    let dog = DOGS[number % DOGS.len()];
    let mut call = person.begin(site.server()).await?;
    let fact = Question::Typed(format!("Please remember this: my dog is called {dog}."));
    Heard::default().ask(&mut call, &fact, Until::over(person.patience)).await;
    person.rest(&mut call).await?;
    let mut before = Heard::default();
    let until = Until { patience: person.patience, cut: Some(cuts.after) };
    let end = before.ask(&mut call, &person.question(number), until).await;
    anyhow::ensure!(end == End::Cut, "the answer was not cut off: {end:?}");
    let Back { mut call, since, down_ms } = match cuts.blow {
        Blow::Kill => killed(site, person, call).await?,
        Blow::Takeover => taken_over(site, person, call).await?,
        Blow::Reload => reloaded(site, person, call).await?,
    };
    let mut after = Heard::since(Instant::now());
    let recalled = after.recalled(&mut call).await;
    after.listen(&mut call, None, Until::over(person.patience)).await;
    let trial = Trial {
        down_ms,
        sound_ms: after.first_sound().map(|at| signed_ms(since, at)),
        seam: recalled.as_ref().map(|recalled| Seam::between(&before.told, recalled, &after.told)),
        remembered: recalled.as_ref().map(Recalled::whole).is_some_and(|whole| has(&whole, dog)),
        ..Trial::default()
    };
    person.rest(&mut call).await?;
    let mut asked = Heard::default();
    asked.ask(&mut call, &Question::Typed(ASKS.into()), Until::over(person.patience)).await;
    let answer = asked.log.report().response_text;
    call.hang_up().await;
    Ok(Trial { used: has(&answer, dog), answer, ..trial })
}

/// A call that goes on.
struct Back {
    call: Call,
    /// The moment from which the silence counts.
    since: Instant,
    down_ms: Option<f64>,
}

async fn killed(site: &mut Site, person: &Person, call: Call) -> anyhow::Result<Back> {
    let pass = call.pass().cloned().context("there is no resume token")?;
    let server = site.server().clone();
    site.kill().await?;
    let at = Instant::now();
    drop(call);
    let (ready, call) = tokio::join!(site.until_ready(), person.come_back(&server, &pass, First::AfterPause));
    let since = ready?;
    Ok(Back { call: call?, since, down_ms: Some(signed_ms(at, since)) })
}

/// The one that was killed stays down until the next trial.
async fn taken_over(site: &mut Site, person: &Person, call: Call) -> anyhow::Result<Back> {
    let pass = call.pass().cloned().context("there is no resume token")?;
    site.kill().await?;
    let since = Instant::now();
    drop(call);
    let call = person.come_back(site.server(), &pass, First::AfterPause).await?;
    Ok(Back { call, since, down_ms: None })
}

async fn reloaded(site: &Site, person: &Person, call: Call) -> anyhow::Result<Back> {
    let pass = call.pass().cloned().context("there is no resume token")?;
    let since = Instant::now();
    call.leave().await;
    let call = person.come_back(site.server(), &pass, First::AtOnce).await?;
    Ok(Back { call, since, down_ms: None })
}

fn has(text: &str, word: &str) -> bool {
    words(text).contains(&word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Trial {
        let seam = Some(Seam { lost: 1, repeated: 0 });
        Trial { sound_ms: Some(1_400.0), seam, used: true, ..Trial::default() }
    }

    #[test]
    fn an_answer_must_be_heard_soon_go_on_at_its_word_and_be_followed_by_one_with_the_fact() {
        assert_eq!(good().faults(Blow::Kill), Vec::<String>::new());
        assert_eq!(good().faults(Blow::Reload), Vec::<String>::new());
        let late = Trial { sound_ms: Some(1_600.0), ..good() };
        assert!(late.faults(Blow::Kill).is_empty(), "it has 2 s after a kill");
        assert!(late.faults(Blow::Takeover).is_empty(), "and at the second of two servers");
        assert_eq!(late.faults(Blow::Reload), ["the next sound came late"]);
        let silent = Trial { sound_ms: None, ..good() };
        assert_eq!(silent.faults(Blow::Kill), ["the next sound came late"]);
        let forgets = Trial { used: false, ..good() };
        assert_eq!(forgets.faults(Blow::Kill), ["the next answer lacks the fact"]);
        let skips = Trial { seam: Some(Seam { lost: 2, repeated: 0 }), ..good() };
        assert_eq!(skips.faults(Blow::Reload), ["it did not go on at the word"]);
        assert!(skips.faults(Blow::Kill).is_empty(), "after a kill it goes on at a segment");
    }

    #[test]
    fn a_report_passes_only_if_all_trials_do() {
        let broken = Trial { fault: Some("refused".into()), ..good() };
        let both = report(Blow::Kill, vec![good(), broken]);
        assert_eq!((both.good, both.passed, both.sound.map(|sound| sound.count)), (1, false, Some(2)));
        assert!(report(Blow::Kill, vec![good()]).passed);
    }

    #[test]
    fn a_fact_is_a_word_of_the_answer_and_not_a_part_of_one() {
        assert!(has("Your dog is called Rex.", "Rex") && !has("A tyrannosaurus-rexes' friend", "Rex"));
    }
}
