/**
 * The settings as a form: filled from the choices, and reporting every change at once.
 */
import { element } from './dom.js';
import { LANGUAGES } from './languages.js';
import { listMicrophones } from './microphone.js';

/** @typedef {import('./settings.js').Settings} Settings */

/** The dialog and its fields. */
export class SettingsDialog {
    /**
     * @param {Settings} settings - changed in place
     * @param {(name: keyof Settings) => void} onChange
     */
    constructor(settings, onChange) {
        this.settings = settings;
        this.dialog = element('settings', HTMLDialogElement);
        this.microphone = element('microphone', HTMLSelectElement);
        this.microphoneHelp = element('microphone-help', HTMLElement);
        this.language = element('language', HTMLSelectElement);
        this.mode = element('mode', HTMLSelectElement);
        this.backend = element('backend', HTMLInputElement);
        this.language.append(new Option('Automatic', ''), ...LANGUAGES.map(([code, name]) => languageOption(code, name)));
        for (const name of /** @type {const} */ (['microphone', 'language', 'mode', 'backend'])) {
            const field = this[name];
            field.addEventListener('change', () => {
                Object.assign(settings, { [name]: field.value.trim() });
                onChange(name);
            });
        }
        this.dialog.addEventListener('click', (event) => {
            if (event.target === this.dialog) {
                this.dialog.close(); // a click outside the form
            }
        });
        navigator.mediaDevices?.addEventListener?.('devicechange', () => this.listMicrophones());
        this.fill();
    }

    async open() {
        this.fill();
        this.dialog.showModal();
        await this.listMicrophones();
    }

    get isOpen() {
        return this.dialog.open;
    }

    fill() {
        this.mode.value = this.settings.mode;
        this.backend.value = this.settings.backend;
        this.language.value = this.settings.language;
        if (this.language.selectedIndex < 0) {
            this.language.append(new Option(this.settings.language, this.settings.language, true, true));
        }
        void this.listMicrophones();
    }

    async listMicrophones() {
        const microphones = await listMicrophones().catch(() => []);
        const known = microphones.some(({ id }) => id === this.settings.microphone);
        this.microphone.replaceChildren(
            new Option('Default microphone', ''),
            ...microphones.map(({ id, label }) => new Option(label, id)),
        );
        this.microphone.value = known ? this.settings.microphone : '';
        this.microphoneHelp.textContent = microphones.length > 0
            ? 'You can change it during a call.'
            : 'Names appear once you have allowed the microphone in a first call.';
    }
}

/**
 * @param {string} code
 * @param {string} name
 * @returns {HTMLOptionElement}
 */
function languageOption(code, name) {
    const option = new Option(name, code);
    option.lang = code;
    return option;
}
