import { OptionError } from '../../errors.ts'
import { readOptions } from '../options/read.ts'
import type { ArrayRow } from '../options/rows.ts'
import { describeFrame } from '../origin/origin.ts'
import { type Finding, type FindingKind, findingKinds } from './finding.ts'

/** A string matches if it is contained in the value. */
export type Pattern = string | RegExp

/** Selects findings. All given patterns must match. */
export interface IgnoreRule {
  /** The kind of finding, in full. */
  readonly kind?: FindingKind | undefined
  /** Matches `src/listen.ts:12:20 in listen`, the file relative to the working directory. */
  readonly origin?: Pattern | undefined
  /** The name of the scope, such as a test or a request. */
  readonly scope?: Pattern | undefined
  /** The hint of the finding. */
  readonly reason?: Pattern | undefined
}

const pattern = { kind: 'string', or: 'RegExp' } as const

/** The option `ignore`. */
export const ignoreRow = {
  kind: 'array',
  of: {
    kind: 'options',
    rows: {
      kind: { kind: 'choice', values: findingKinds },
      origin: pattern,
      scope: pattern,
      reason: pattern,
    },
  },
  default: [],
  expected: 'must be an array of rules',
} as const satisfies ArrayRow<IgnoreRule>

/** @throws OptionError if a rule is empty or invalid */
export function ignoring(rules: readonly IgnoreRule[] = []): (finding: Finding) => boolean {
  const { ignore } = readOptions({ whole: '', prefix: '', rows: { ignore: ignoreRow } }, { ignore: rules })
  for (const [index, rule] of ignore.entries()) {
    // Such a rule would ignore everything.
    if (Object.values(rule).every((value) => value === undefined)) {
      throw new OptionError(`ignore[${index}]`, 'must have a kind, an origin, a scope or a reason', rule)
    }
  }
  return (finding) => ignore.some((rule) => applies(rule, finding))
}

function applies({ kind, origin, scope, reason }: IgnoreRule, finding: Finding): boolean {
  const frames = [finding.eventOrigin, finding.origin, finding.transactionOrigin]
  const places = frames.flatMap((frame) =>
    frame === undefined ? [] : [`${describeFrame(frame)} in ${frame.functionName ?? ''}`],
  )
  return (
    (kind === undefined || kind === finding.kind) &&
    (origin === undefined || places.some((place) => matches(origin, place))) &&
    (scope === undefined || (finding.scope !== undefined && matches(scope, finding.scope.name))) &&
    (reason === undefined || matches(reason, finding.hint))
  )
}

/** Whether the text contains a match of the pattern. */
export function matches(pattern: Pattern, text: string): boolean {
  // `test` would keep the position of a RegExp with the flag g.
  return typeof pattern === 'string' ? text.includes(pattern) : text.search(pattern) !== -1
}
