//! llama.cpp: loading, the KV cache, one step, one sample. The only file that calls the model's thread-bound side.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;
use llama_cpp_2::{LlamaBackendDeviceType, list_llama_ggml_backend_devices};

use crate::constraint::Constraint;
use crate::likeliest::{Candidate, first_allowed, likeliest};
use crate::model_file;
use crate::request::Sampling;
use crate::scheduler::{Chunk, Piece, Reuse, Token};
use crate::template::{Family, Template};
use crate::turn::{ends_sentence, share};

/// Prompt tokens per step. On a CPU, 32 tokens keep the stall of a response being spoken below what its listener has
/// buffered; a GPU takes hundreds in the same time. CPU matrix products work on two tokens at a time but read the
/// weights four times as fast for a single one (measured: 1, 2, 3, 4 tokens in 16, 58, 86, 75 ms).
const CPU_CHUNK: Chunk = Chunk { shared: 32, alone: 64, ahead: 16, few: 3 };
const GPU_CHUNK: Chunk = Chunk { shared: 256, alone: 512, ahead: 256, few: 0 };

/// Small models repeat themselves when they always take the likeliest token.
const REPEAT_PENALTY: f32 = 1.1;
const REPEAT_WINDOW: i32 = 64;

/// With a temperature only: a small model has many unlikely tokens, mostly nonsense.
const TOP_K: i32 = 40;

/// Suffices for every choice: the penalty only lowers logits, and only those of the window's tokens.
const CANDIDATES: usize = (TOP_K + REPEAT_WINDOW) as usize;

/// The command line's options for the model.
#[derive(Debug, Clone)]
pub(crate) struct ModelOptions {
    pub(crate) path: PathBuf,
    /// Replaces the chat template of the file.
    pub(crate) template: Option<Family>,
    pub(crate) threads: u32,
    pub(crate) threads_batch: u32,
    pub(crate) context: u32,
    pub(crate) slots: u32,
    pub(crate) gpu_layers: Option<u32>,
}

/// A loaded model.
#[derive(Debug)]
pub(crate) struct Model {
    backend: LlamaBackend,
    pub(crate) model: Arc<LlamaModel>,
    pub(crate) template: Template,
    options: ModelOptions,
    /// Tokens per conversation, at most the model's training context.
    pub(crate) context: u32,
    /// As in the health reply.
    pub(crate) device: String,
    pub(crate) chunk: Chunk,
    /// Whether part of a sequence can be copied or removed; recurrent models keep one state for the whole sequence.
    pub(crate) can_copy: bool,
    /// Tokens that end a message, or that end a sentence and so most messages.
    closing: Vec<Token>,
    /// Control tokens that begin a tool call; shown although control tokens are not.
    call_marks: Vec<Token>,
}

impl Model {
    /// Loads the file; an error is a one-sentence message for the operator.
    pub(crate) fn load(options: &ModelOptions) -> Result<Self, String> {
        model_file::check(&options.path)?;
        let mut backend = LlamaBackend::init().map_err(|e| format!("llama.cpp cannot start: {e}"))?;
        if !tracing::enabled!(tracing::Level::DEBUG) {
            backend.void_logs();
        }
        let gpu = gpu().filter(|_| options.gpu_layers != Some(0));
        if gpu.is_none() && options.gpu_layers.unwrap_or(0) > 0 {
            tracing::warn!("--gpu-layers has no effect: this build finds no GPU");
        }
        let layers = if gpu.is_some() { options.gpu_layers.unwrap_or(u32::MAX >> 1) } else { 0 };
        let parameters = LlamaModelParams::default().with_n_gpu_layers(layers);
        let path = &options.path;
        let model = LlamaModel::load_from_file(&backend, path, &parameters).map_err(|_| {
            format!(
                "the model {} cannot be loaded: the file is damaged, cut short or of a kind that llama.cpp does not \
                 know; fetch it again or name another with llm.model",
                path.display()
            )
        })?;
        let template = Template::of(&model, options.template, path)?;
        let context = options.context.min(model.n_ctx_train());
        if context < options.context {
            tracing::warn!(context, "--context exceeds the model's training context, which is used instead");
        }
        Ok(Self {
            context,
            chunk: if gpu.is_some() { GPU_CHUNK } else { CPU_CHUNK },
            device: gpu.unwrap_or_else(|| "cpu".into()),
            can_copy: !model.is_recurrent() && !model.is_hybrid(),
            closing: closing(&model, template.after_user()),
            call_marks: call_marks(&model, &template),
            template,
            backend,
            model: Arc::new(model),
            options: options.clone(),
        })
    }

    /// Allocates the KV cache for all slots and runs the model once, so that the first caller does not wait for the file
    /// to be paged in.
    pub(crate) fn evaluator(&self) -> Result<Evaluator<'_>, String> {
        let slots = self.options.slots;
        // One cache for all sequences, so that copying a prefix between them costs neither memory nor time.
        let cells = (self.context * slots).next_multiple_of(256);
        let batch = self.chunk.alone.max(self.chunk.shared) + slots as usize;
        let batch_u32 = u32::try_from(batch).expect("a chunk is small");
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(cells))
            .with_n_seq_max(slots)
            .with_kv_unified(true)
            .with_n_batch(batch_u32)
            .with_n_ubatch(batch_u32)
            .with_n_threads(i32::try_from(self.options.threads).expect("the command line bounds it"))
            .with_n_threads_batch(
                i32::try_from(self.options.threads_batch).expect("the command line bounds it"),
            );
        let context = self.model.new_context(&self.backend, parameters).map_err(|_| {
            format!(
                "not enough memory for {slots} slots of {} tokens; lower --slots or --context",
                self.context
            )
        })?;
        let batch = LlamaBatch::new(batch, 1);
        let (closing, call_marks) = (self.closing.as_slice(), self.call_marks.as_slice());
        let mut evaluator = Evaluator { context, model: &self.model, closing, call_marks, batch };
        let first = self.model.vocab().bos().0.max(0);
        let warm_up = Piece { id: 0, slot: 0, start: 0, tokens: vec![first; 2], sample: true, probe: None };
        evaluator
            .step(&[warm_up])
            .map_err(|e| format!("the model {} does not run: {e}", self.options.path.display()))?;
        evaluator.clear(0);
        Ok(evaluator)
    }
}

/// `after_user`: what the template writes after the person's message. Mostly an end of generation, but not in every family.
fn closing(model: &LlamaModel, after_user: &str) -> Vec<Token> {
    let vocab = model.vocab();
    let ends = |token: &LlamaToken| {
        vocab.is_eog(*token) || ends_sentence(&vocab.token_to_piece(*token, false, None))
    };
    let mut closing: Vec<Token> = vocab.tokens().filter(ends).map(|token| token.0).collect();
    let mark = vocab.tokenize(after_user.as_bytes(), false, true).first().copied();
    let mark = mark.filter(|mark| structures(&vocab, *mark) && !closing.contains(&mark.0));
    closing.extend(mark.map(|mark| mark.0));
    closing
}

/// Whether the token is a mark rather than text.
fn structures(vocab: &LlamaVocab<'_>, token: LlamaToken) -> bool {
    vocab.is_control(token) || vocab.attr(token).contains(LlamaTokenAttr::UserDefined)
}

fn call_marks(model: &LlamaModel, template: &Template) -> Vec<Token> {
    let vocab = model.vocab();
    let single = |mark: String| {
        let tokens = vocab.tokenize(mark.as_bytes(), false, true);
        if let [token] = tokens[..] { Some(token) } else { None }
    };
    let marks = template.tools.marks().into_iter().filter_map(single);
    marks.filter(|token| vocab.is_control(*token)).map(|token| token.0).collect()
}

/// The first GPU's backend, as named in the health reply.
fn gpu() -> Option<String> {
    let is_gpu = |kind| matches!(kind, LlamaBackendDeviceType::Gpu | LlamaBackendDeviceType::IntegratedGpu);
    let device = list_llama_ggml_backend_devices().into_iter().find(|device| is_gpu(device.device_type))?;
    Some(match device.backend.to_lowercase().as_str() {
        "hip" => "rocm".into(),
        "mtl" => "metal".into(),
        name => name.to_owned(),
    })
}

/// The running model: its KV cache and the batch of one step.
pub(crate) struct Evaluator<'model> {
    context: LlamaContext<'model>,
    model: &'model LlamaModel,
    closing: &'model [Token],
    call_marks: &'model [Token],
    batch: LlamaBatch<'static>,
}

/// A candidate in llama.cpp's form.
fn data(Candidate { token, logit }: Candidate) -> LlamaTokenData {
    LlamaTokenData::new(LlamaToken(token), logit, 0.0)
}

/// The rows of the last step's logits that a piece asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) sample: Option<i32>,
    pub(crate) probe: Option<i32>,
}

impl Evaluator<'_> {
    /// Reduces a slot's cache to the reused prefix; false if it had to be emptied instead.
    pub(crate) fn reuse(&mut self, slot: usize, reuse: Reuse) -> bool {
        let done = match reuse {
            Reuse::Own { keep: 0 } => {
                self.clear(slot);
                return true;
            }
            Reuse::Own { keep } => self.context.kv_cache_seq_rm(sequence(slot), Some(position(keep)), None),
            Reuse::Copy { from, length } => {
                self.clear(slot);
                self.context.kv_cache_seq_cp(sequence(from), sequence(slot), Some(0), Some(position(length)))
            }
        };
        if done.is_err() {
            self.clear(slot);
        }
        done.is_ok()
    }

    /// Empties a slot's cache.
    pub(crate) fn clear(&mut self, slot: usize) {
        // Removing a whole sequence always succeeds.
        _ = self.context.kv_cache_seq_rm(sequence(slot), None, None);
    }

    /// Evaluates the pieces together.
    pub(crate) fn step(&mut self, pieces: &[Piece]) -> Result<Vec<Rows>, String> {
        self.batch.clear();
        let mut rows = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let first = self.batch.n_tokens();
            let sample = piece.sample.then(|| piece.tokens.len() - 1);
            for (i, token) in piece.tokens.iter().enumerate() {
                let at = i32::try_from(piece.start + i).expect("a position is within the context");
                let logits = Some(i) == sample || Some(i) == piece.probe;
                self.batch
                    .add(LlamaToken(*token), at, &[sequence(piece.slot)], logits)
                    .expect("the batch has room for a chunk and one token of each slot");
            }
            let row = |i: usize| first + i32::try_from(i).expect("a chunk is small");
            rows.push(Rows { sample: sample.map(row), probe: piece.probe.map(row) });
        }
        self.context.decode(&mut self.batch).map_err(|e| e.to_string())?;
        Ok(rows)
    }

    /// Chooses the token that follows a row of the last step.
    pub(crate) fn sample(&self, sampler: &mut LlamaSampler, row: i32) -> Result<Token, String> {
        let candidates = likeliest(self.context.get_logits_ith(row), CANDIDATES);
        if candidates.is_empty() {
            // llama.cpp would abort the process.
            return Err("its logits are not numbers".into());
        }
        let mut candidates = LlamaTokenDataArray::from_iter(candidates.into_iter().map(data), false);
        candidates.apply_sampler(sampler);
        let token = candidates.selected_token().ok_or("no token was selected")?;
        sampler.accept(token);
        Ok(token.0)
    }

    /// Creates the constraint on the tokens of a tool call.
    pub(crate) fn grammar(&self, rules: &str) -> Option<Constraint> {
        Constraint::new(self.model, rules)
    }

    /// Chooses the likeliest token of a row that the grammar allows; none if it allows none of the likely ones.
    pub(crate) fn sample_within(&self, grammar: &mut Constraint, row: i32) -> Option<Token> {
        let vocab = self.model.vocab();
        first_allowed(self.context.get_logits_ith(row), |best| {
            grammar.accept(&vocab, best.into_iter().map(data)).map(|token| token.0)
        })
    }

    /// Chooses a token as the sampler does, if the grammar allows that one, and otherwise the likeliest that it allows, however unlikely: a
    /// schema may ask for what the model would never say. None if it allows none.
    pub(crate) fn sample_freely_within(
        &self,
        grammar: &mut Constraint,
        sampler: &mut LlamaSampler,
        row: i32,
    ) -> Option<Token> {
        let candidates = likeliest(self.context.get_logits_ith(row), CANDIDATES);
        if candidates.is_empty() {
            // llama.cpp would abort the process.
            return None;
        }
        let mut candidates = LlamaTokenDataArray::from_iter(candidates.into_iter().map(data), false);
        candidates.apply_sampler(sampler);
        let free = candidates.selected_token().map(|token| token.0);
        let allowed = free.filter(|token| self.continues(grammar, *token));
        let likely = allowed.or_else(|| self.sample_within(grammar, row));
        let token = likely.or_else(|| self.sample_anything_within(grammar, row))?;
        sampler.accept(LlamaToken(token));
        Some(token)
    }

    /// The same as [`Self::sample_within`] among all tokens, which may take as long as a step: for what has no other way on.
    fn sample_anything_within(&self, grammar: &mut Constraint, row: i32) -> Option<Token> {
        let logits = self.context.get_logits_ith(row);
        let mut all = likeliest(logits, logits.len());
        all.sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit));
        grammar.accept(&self.model.vocab(), all.into_iter().map(data)).map(|token| token.0)
    }

    /// Continues a call with a token that was chosen without its grammar; false if that does not allow it.
    pub(crate) fn continues(&self, grammar: &mut Constraint, token: Token) -> bool {
        grammar.accept(&self.model.vocab(), [data(Candidate { token, logit: 0.0 })]).is_some()
    }

    /// The probability that the message is complete at this row of the last step.
    pub(crate) fn turn_end(&self, row: i32) -> f32 {
        share(self.context.get_logits_ith(row), self.closing)
    }

    /// Creates the sampler for one response.
    pub(crate) fn sampler(&self, sampling: Sampling) -> LlamaSampler {
        /// Tells llama.cpp to choose a seed.
        const RANDOM: u32 = u32::MAX;
        let mut chain =
            vec![LlamaSampler::penalties(self.model.n_vocab(), REPEAT_WINDOW, REPEAT_PENALTY, 0.0, 0.0)];
        if sampling.temperature == 0.0 {
            chain.push(LlamaSampler::greedy());
        } else {
            chain.push(LlamaSampler::top_k(TOP_K));
            if sampling.top_p < 1.0 {
                chain.push(LlamaSampler::top_p(sampling.top_p, 1));
            }
            chain.push(LlamaSampler::temp(sampling.temperature));
            chain.push(LlamaSampler::dist(sampling.seed.unwrap_or(RANDOM)));
        }
        LlamaSampler::chain(chain, true)
    }

    /// Whether the token ends the response.
    pub(crate) fn ends(&self, token: Token) -> bool {
        self.model.vocab().is_eog(LlamaToken(token))
    }

    /// The token's bytes; a control token has none, unless it begins a call and `calls` are looked for.
    pub(crate) fn bytes(&self, token: Token, calls: bool) -> Vec<u8> {
        let shown = calls && self.call_marks.contains(&token);
        self.model.vocab().token_to_piece(LlamaToken(token), shown, None)
    }
}

fn sequence(slot: usize) -> i32 {
    i32::try_from(slot).expect("the command line bounds the slots")
}

fn position(tokens: usize) -> u32 {
    u32::try_from(tokens).expect("a position is within the context")
}
