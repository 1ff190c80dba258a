import type { VisavisApi } from '../../../static/api.js';

declare global {
    interface Window {
        visavis: VisavisApi;
        /** Every event of the page's calls; see lib/call.js. */
        seen: { type: string; at: number; detail: any }[];
        axe: { run: (context: Document, options: object) => Promise<{ violations: any[] }> };
    }
}
