import { createRequire } from 'node:module'
import type { Submittable } from 'pg'

/** `pg-cursor` as far as the tests use it; the package has no types. */
export interface Cursor extends Submittable {
  read(rows: number): Promise<unknown[]>
  close(): Promise<void>
}

export const Cursor = createRequire(import.meta.url)('pg-cursor') as new (
  text: string,
  values?: unknown[],
) => Cursor
