import { readFileSync } from 'node:fs'

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** This package's version. Its folder is two levels up both from the source and from the build. */
export const version = String((manifest as { version: unknown }).version)
