import type { VisavisApi } from '../../../static/api.js';

declare global {
    interface Window {
        visavis: VisavisApi;
        /** Every event of the page's calls; see lib/call.js. */
        seen: { type: string; at: number; detail: any }[];
        /** The far end of a scripted WebRTC call; see lib/scripted-peer.js. */
        peer: {
            send: (text: string) => void;
            sound: (on: boolean, afterMs?: number) => void;
            silence: () => Promise<void>;
            cut: () => void;
        };
        fromCaller: (text: string) => void;
        /** See lib/face-log.js. */
        faceLog: { heard: any[]; bytes: number; shift: number; stats: any };
        axe: { run: (context: Document, options: object) => Promise<{ violations: any[] }> };
    }
}
