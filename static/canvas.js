/**
 * What the drawings on canvases share.
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 * @throws {Error} where the browser gives none
 */
export function context(canvas) {
    const draw = canvas.getContext('2d');
    if (draw === null) {
        throw new Error('this browser has no 2D canvas');
    }
    return draw;
}

/**
 * @param {CanvasGradient} gradient - without colours
 * @param {Record<number, string>} colors - by their places, 0 to 1
 * @returns {CanvasGradient} the same one
 */
export function graded(gradient, colors) {
    for (const [place, color] of Object.entries(colors)) {
        gradient.addColorStop(Number(place), color);
    }
    return gradient;
}
