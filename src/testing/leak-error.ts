import type { Finding } from '../core/findings/finding.ts'
import { LifeguardError } from '../errors.ts'
import { findingText } from '../reporters/finding-text.ts'
import { placeOf } from '../reporters/place.ts'

/** Leaks were found: a session or a transaction was left open, or a client was released dirty. */
export class LeakError extends LifeguardError {
  static override readonly name = 'LeakError'
  static readonly code = 'LIFEGUARD_LEAK'
  static override readonly docs = 'docs/testing.md#what-fails-a-test'

  /** The findings, as plain data. */
  declare readonly findings: readonly Finding[]

  constructor(message: string, findings: readonly Finding[], stack: string) {
    super(LeakError.code, message)
    // Not enumerable: test runners print enumerable properties, and the message contains everything.
    Object.defineProperties(this, {
      code: { enumerable: false },
      findings: { value: findings },
      stack: { value: `${this.name}: ${message}${stack}`, writable: true, configurable: true },
    })
  }
}

/** A leak check cannot see the pools, or its baseline differs from the leaks found. */
export class LeakCheckError extends LifeguardError {
  static override readonly name = 'LeakCheckError'
  static readonly code = 'LIFEGUARD_LEAK_CHECK'
  static override readonly docs = 'docs/testing.md#checks-that-see-nothing'

  constructor(message: string) {
    super(LeakCheckError.code, message)
    // Without a stack, which would lead nowhere; and test runners print enumerable properties.
    Object.defineProperties(this, {
      code: { enumerable: false },
      stack: { value: `${this.name}: ${message}`, writable: true, configurable: true },
    })
  }
}

/** Wide enough for paths, narrow enough for the log of a CI job. */
const columns = 100
const plain = (_format: unknown, text: string) => text

/**
 * The error for these findings. Its stack is that of the first checkout: a runner that shows the source at the top of a
 * stack (`framesByRunner`) shows the leaking line, and the message omits it.
 */
export function leakError(findings: readonly Finding[], options: { framesByRunner: boolean }): LeakError {
  const texts = findings.map((finding, index) => {
    const frame = index > 0 || !options.framesByRunner
    const text = findingText(finding, { style: plain, columns, frame })
    return text.replace(/^pg-lifeguard: (?:(?:leak|suspected): )?/, '').trimEnd()
  })
  const head = findings.length === 1 ? '' : `${findings.length} leaks\n\n`
  const [first] = findings
  return new LeakError(`${head}${texts.join('\n\n')}\n`, findings, stackOf(first))
}

function stackOf(finding: Finding | undefined): string {
  const place = placeOf(finding)
  if (place === undefined) return ''
  return place.frames
    .map(({ file, line, column, functionName }) => {
      const location = `${file}:${line}:${column}`
      return `\n    at ${functionName === undefined ? location : `${functionName} (${location})`}`
    })
    .join('')
}
