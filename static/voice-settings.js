/**
 * The voice's part of the settings dialog: which one, how it sounds, and what is used now.
 */
import { element, setText } from './dom.js';
import { nameOf } from './engines.js';
import { groupVoices, isKnown, nameForPeople } from './voices.js';

/** @typedef {import('./voices.js').Voice} Voice */

const HELP = 'Automatic: the first voice of each language. A voice that you choose speaks its own language, from the next answer on.';

const HEAR = /** @type {Record<import('./sampler.js').Sampling['state'], string>} */ ({ idle: 'Hear it', loading: 'Stop', playing: 'Stop' });

export class VoiceSettings {
    /**
     * @param {{onChoose: (name: string) => void, onHear: () => void}} actions - an empty name: automatic; the button was pressed
     */
    constructor({ onChoose, onHear }) {
        this.select = element('voice', HTMLSelectElement);
        this.hear = element('hear-voice', HTMLButtonElement);
        this.progress = element('voice-progress', HTMLProgressElement);
        this.help = element('voice-help', HTMLElement);
        /** @type {readonly Voice[]} */
        this.voices = [];
        this.inUse = '';
        this.select.addEventListener('change', () => onChoose(this.select.value));
        this.hear.addEventListener('click', onHear);
        this.fill([], '');
    }

    /**
     * @param {readonly Voice[]} voices
     * @param {string} chosen - empty: automatic
     */
    fill(voices, chosen) {
        this.voices = voices;
        const groups = groupVoices(voices).map(({ label, voices: own }) => {
            const group = document.createElement('optgroup');
            group.label = label;
            group.append(...own.map(({ name, title }) => new Option(title, name)));
            return group;
        });
        this.select.replaceChildren(new Option('Automatic', ''), ...groups);
        this.choose(chosen);
        this.showTitles();
    }

    /** @param {string} chosen - empty: automatic */
    choose(chosen) {
        this.select.value = chosen;
        if (this.select.selectedIndex < 0) {
            // A speaker, a mix, or a voice of another server.
            const text = isKnown(this.voices, chosen) ? chosen : `${chosen} (not on this server)`;
            this.select.append(new Option(text, chosen, true, true));
        }
        this.hear.disabled = chosen === '' && this.voices.length === 0;
        this.tell('');
    }

    /**
     * @param {string} voice - that the agent speaks with now; empty: no call, or not known
     * @param {string} engine - that speaks; empty: not known, or the server has no choice
     */
    showInUse(voice, engine) {
        this.inUse = voice;
        this.showTitles();
        const model = voice === '' ? '' : nameForPeople(this.voices, voice);
        setText(element('used-voice', HTMLElement), nameOf({ model, engine }));
    }

    showTitles() {
        for (const option of this.select.querySelectorAll('optgroup option')) {
            if (option instanceof HTMLOptionElement) {
                const title = nameForPeople(this.voices, option.value);
                setText(option, option.value === this.inUse ? `${title} (in use)` : title);
            }
        }
    }

    /**
     * @param {string} model - of language
     * @param {string} recognition
     */
    showModels(model, recognition) {
        setText(element('used-model', HTMLElement), model);
        setText(element('used-recognition', HTMLElement), recognition);
    }

    /** @param {import('./sampler.js').Sampling} sampling */
    showSample({ state, share }) {
        setText(this.hear, HEAR[state]);
        this.hear.setAttribute('aria-busy', String(state === 'loading'));
        this.progress.hidden = state === 'idle';
        if (state === 'playing') {
            this.progress.value = share;
        } else {
            this.progress.removeAttribute('value'); // it is not known how long the server needs
        }
    }

    /** @param {string} problem - empty: none */
    tell(problem) {
        setText(this.help, problem === '' ? HELP : problem);
        this.help.classList.toggle('wrong', problem !== '');
    }
}
