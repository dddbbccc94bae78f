import { sampleFinding, without } from './sample-findings.ts'

const frame = { file: `${process.cwd()}/src/my orders, 100%.ts`, line: 12, column: 29 }
export const leak = sampleFinding({
  kind: 'outlived-scope',
  certainty: 'certain',
  origin: { ...frame, frames: [frame] },
  hint: 'release was not reached:\nan early return | <b>, "50%"\u0007',
  scope: { kind: 'test', name: 'finds & shows' },
  fingerprint: 'outlived-scope main src/my orders, 100%.ts:12:29',
})
const again = sampleFinding({ ...leak, id: 'f2', occurrences: 2 })
const nowhere = without(sampleFinding({ ...leak, id: 'f3', fingerprint: 'elsewhere' }), 'origin')
/** Two of one line, one of an unknown line, one of another kind. */
export const findings = [leak, again, nowhere, sampleFinding()]
