import { readFileSync } from 'node:fs'

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** Of this package, which lies two folders up both from the source and from what is built of it. */
export const version = String((manifest as { version: unknown }).version)
