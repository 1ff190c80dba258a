/**
 * The face's part of the settings dialog: whose it is, how much of it, and how lively.
 */
import { element } from '../dom.js';

/** @typedef {import('../settings.js').Settings} Settings */
/** @typedef {import('./people.js').Person} Person */

export class FaceSettings {
    /**
     * @param {Settings} settings - changed in place
     * @param {(name: 'face' | 'person' | 'calm') => void} onChange
     */
    constructor(settings, onChange) {
        this.settings = settings;
        this.onChange = onChange;
        this.people = element('people', HTMLElement);
        this.face = element('face-quality', HTMLSelectElement);
        this.calm = element('calm', HTMLInputElement);
        this.listed = '';
        this.face.addEventListener('change', () => {
            settings.face = /** @type {import('./quality.js').Choice} */ (this.face.value);
            onChange('face');
        });
        this.calm.addEventListener('change', () => {
            settings.calm = this.calm.checked;
            onChange('calm');
        });
    }

    /**
     * @param {readonly Person[]} people
     * @param {Person} chosen
     */
    fill(people, chosen) {
        this.face.value = this.settings.face;
        this.calm.checked = this.settings.calm;
        const listed = JSON.stringify(people);
        if (listed !== this.listed) {
            this.listed = listed; // rebuilt only for other people, so that the focus stays
            this.people.replaceChildren(...people.map((person) => this.option(person)));
        }
        for (const radio of this.people.querySelectorAll('input')) {
            radio.checked = radio.value === chosen.id;
        }
    }

    /**
     * @param {Person} person
     * @returns {HTMLLabelElement}
     */
    option(person) {
        const label = document.createElement('label');
        label.className = 'person';
        const radio = document.createElement('input');
        Object.assign(radio, { type: 'radio', name: 'person', value: person.id });
        radio.addEventListener('change', () => {
            this.settings.person = person.id;
            this.onChange('person');
        });
        const picture = document.createElement(person.thumbnail === undefined ? 'span' : 'img');
        picture.className = 'thumbnail';
        if (picture instanceof HTMLImageElement && person.thumbnail !== undefined) {
            Object.assign(picture, { src: person.thumbnail, alt: '', width: 72, height: 72 });
        } else {
            picture.textContent = person.name.slice(0, 1);
            picture.ariaHidden = 'true';
        }
        const name = document.createElement('span');
        name.textContent = person.name;
        label.append(radio, picture, name);
        return label;
    }
}
