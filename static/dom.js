/**
 * Elements by id, with the type that the page's markup gives them.
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
        throw new Error(`call.html has no ${type.name} #${id}`);
    }
    return found;
}
