/**
 * Elements by id, with the type that the page's markup gives them, and their text.
 */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function element(id, type) {
    const found = document.getElementById(id);
    if (!(found instanceof type)) {
        throw new Error(`the page has no ${type.name} #${id}`);
    }
    return found;
}

/**
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
    if (target.textContent !== text) {
        target.textContent = text; // an unchanged live region must stay silent
    }
}
