/**
 * Removes the namespaces of runs that have ended without doing so. Called by scripts/network-tests.sh.
 */
import { sweep } from './lib/netns.js';

sweep();
