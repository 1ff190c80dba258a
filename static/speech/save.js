/**
 * Files that a person downloads.
 */

/**
 * @param {string} name
 * @param {string} type
 * @param {string} text
 */
export function save(name, type, text) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * @param {string} name - of a file
 * @returns {string} without its extension
 */
export function stem(name) {
    return name.replace(/\.[^.]*$/, '') || 'recording';
}
