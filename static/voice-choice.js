/**
 * The choice of a voice: before a call and in it, by the settings or by `window.visavis`.
 */
import { inUse, nameOf } from './engines.js';
import { Sampler } from './sampler.js';
import { VoiceSettings } from './voice-settings.js';
import { isKnown, loadVoices, serverAt } from './voices.js';

/** @typedef {import('./voices.js').Voice} Voice */

export class VoiceChoice {
    /**
     * @param {import('./session.js').CallSession} session
     * @param {import('./settings.js').Settings} settings - changed in place
     * @param {() => void} onChange - the person, or the page, has chosen
     */
    constructor(session, settings, onChange) {
        this.session = session;
        this.settings = settings;
        this.onChange = onChange;
        /** @type {Voice[]} As listed last. */
        this.known = [];
        /** @type {any} What the server said of its engines last; null: nothing. */
        this.ready = null;
        /** @type {'' | 'muted' | 'left'} The microphone, while a sample plays: muted for it, or left to the person, who unmuted it. */
        this.microphone = '';
        /** How often a voice was chosen: an older choice must not undo a newer one in the form. */
        this.choices = 0;
        this.sampler = new Sampler(() => settings.backend);
        this.form = new VoiceSettings({
            onChoose: (name) => void this.choose(name).catch((error) => this.failed(error)),
            onHear: () => void this.sample(this.sampler.now.voice || this.first()).catch((error) => this.failed(error)),
        });
        this.form.choose(settings.voice);
        this.sampler.addEventListener('change', () => this.sampling());
        session.addEventListener('muted', (event) => this.mutedChanged(/** @type {CustomEvent} */ (event).detail.muted));
        session.addEventListener('voice', () => this.showInUse());
        session.addEventListener('state', () => this.showInUse());
        session.addEventListener('turn', () => this.showInUse());
    }

    /** The settings are opened. */
    async open() {
        this.form.choose(this.settings.voice);
        await Promise.allSettled([
            this.voices().catch((error) => this.failed(error)),
            this.engines(),
        ]);
    }

    /** Asks the server for its engines. */
    async engines() {
        try {
            this.ready = await serverAt(this.settings.backend).engines(new AbortController().signal);
        } catch {
            this.ready = null;
        }
        this.showInUse();
    }

    /** The settings are closed. */
    close() {
        this.sampler.stop();
    }

    /** @returns {Promise<Voice[]>} those of the server now */
    async voices() {
        const voices = await loadVoices(this.settings.backend);
        this.known = voices;
        this.form.fill(voices, this.settings.voice);
        this.showInUse();
        return voices;
    }

    /**
     * Chooses a voice for the language that it speaks.
     *
     * @param {string} name - of a voice, a speaker of it, or a mix; empty: the first of each language
     * @throws {Error} with words for people
     */
    async choose(name) {
        const choice = ++this.choices;
        try {
            if (!this.session.live && name !== '') {
                await this.check(name);
            }
            await this.session.orders.setVoice(name);
        } catch (error) {
            if (choice === this.choices) {
                this.form.choose(this.settings.voice);
            }
            throw error;
        }
        this.settings.voice = name;
        this.onChange();
        if (choice === this.choices) {
            this.form.choose(name);
        }
    }

    /**
     * Without a call nothing else checks whether a voice exists.
     *
     * @param {string} name
     */
    async check(name) {
        const voices = isKnown(this.known, name) && this.known.length > 0 ? this.known : await this.voices();
        if (!isKnown(voices, name)) {
            throw new Error(`There is no voice "${name}"; there are ${voices.map((voice) => voice.name).join(', ')}.`);
        }
    }

    /**
     * @param {string} name
     * @returns {Promise<void>}
     */
    sample(name) {
        this.form.tell('');
        return this.sampler.play(name);
    }

    /** The voice to hear: the chosen one, or the one that speaks without a choice. */
    first() {
        const { voice, language } = this.settings;
        return voice || (this.known.find((known) => known.language === language) ?? this.known[0])?.name || '';
    }

    /** The agent must not hear a sample, so the microphone is muted meanwhile. */
    sampling() {
        const { input, holds } = this.session;
        const { state } = this.sampler.now;
        this.form.showSample(this.sampler.now);
        if (state === 'playing' && this.microphone === '' && holds && input.stream !== null && !input.muted) {
            this.microphone = 'muted';
            input.setMuted(true);
        } else if (state === 'idle') {
            const unmute = this.microphone === 'muted' && input.muted;
            this.microphone = '';
            if (unmute) {
                input.setMuted(false);
            }
        }
    }

    /** @param {boolean} muted */
    mutedChanged(muted) {
        if (!muted && this.microphone === 'muted') {
            this.microphone = 'left'; // the person wants to be heard; from now on only they mute
        }
    }

    showInUse() {
        const { holds, transcript, turns } = this.session;
        /** @type {import('./turns.js').Engines} */
        const served = holds ? turns.served : {};
        this.form.showInUse(holds ? transcript.voice : '', served.tts?.engine ?? '');
        this.form.showModels(nameOf(inUse('llm', this.ready, served)), nameOf(inUse('stt', this.ready, served)));
    }

    /** @param {unknown} error */
    failed(error) {
        this.form.tell(error instanceof Error ? error.message : String(error));
    }
}
