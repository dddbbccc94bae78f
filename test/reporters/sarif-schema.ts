import { createRequire } from 'node:module'
import type { SarifLog } from '../../src/reporters/sarif.ts'

const require = createRequire(import.meta.url)
const schemaFile = require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json')
// The validator that the schema comes with: it is of the draft that the schema is written in.
const requireThere = createRequire(schemaFile)
const Ajv = requireThere('ajv') as new (options: object) => Validator

interface Validator {
  addMetaSchema(schema: unknown): void
  validate(schema: unknown, data: unknown): boolean
  readonly errors: readonly object[] | null
}

/** What the official schema of SARIF 2.1.0 has to say against a log. */
export function sarifProblems(log: SarifLog): readonly object[] {
  const validator = new Ajv({ schemaId: 'auto', unknownFormats: 'ignore', logger: false })
  validator.addMetaSchema(requireThere('ajv/lib/refs/json-schema-draft-04.json'))
  return validator.validate(require(schemaFile), JSON.parse(JSON.stringify(log)))
    ? []
    : (validator.errors ?? [])
}
