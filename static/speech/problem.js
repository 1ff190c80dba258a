/**
 * Shows what went wrong, and marks the field at fault.
 */
import { element, setText } from '../dom.js';
import { refusalOf } from './refusal.js';

export class ProblemBox {
    /**
     * @param {string} id
     * @param {Record<string, HTMLElement>} fields - of the form, by the names that the server has for them
     */
    constructor(id, fields) {
        this.box = element(id, HTMLElement);
        this.fields = fields;
    }

    clear() {
        this.box.hidden = true;
        Object.values(this.fields).forEach((field) => field.removeAttribute('aria-invalid'));
    }

    /** @param {unknown} error */
    show(error) {
        this.clear();
        const { title, text, field } = refusalOf(error);
        const [head, what] = ['h3 span', 'p'].map((part) => /** @type {Element} */ (this.box.querySelector(part)));
        this.box.hidden = false;
        setText(head, title);
        setText(what, text);
        const wrong = this.fields[field];
        wrong?.setAttribute('aria-invalid', 'true');
        wrong?.focus();
    }
}
