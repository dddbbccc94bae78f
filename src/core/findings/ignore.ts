import { OptionError } from '../../errors.ts'
import { oneOf, rejectUnknown, requireObject } from '../option-check.ts'
import { describeFrame } from '../origin/origin.ts'
import { type Finding, type FindingKind, findingKinds } from './finding.ts'

/** A text is looked for in what it is compared with. */
export type Pattern = string | RegExp

/** Findings that are meant by a rule: those to which all of it applies. */
export interface IgnoreRule {
  readonly kind?: FindingKind
  /** `src/listen.ts:12:20 in listen`, the file relative to the working directory. */
  readonly origin?: Pattern
  /** The name of the scope: a test's, a request's. */
  readonly scope?: Pattern
  /** The hint of the finding. */
  readonly reason?: Pattern
}

/** @throws OptionError if a rule is empty, unknown or nonsense */
export function ignoring(rules: readonly IgnoreRule[] = []): (finding: Finding) => boolean {
  if (!Array.isArray(rules)) throw new OptionError('ignore', 'must be an array of rules', rules)
  for (const [index, rule] of rules.entries()) check(`ignore[${index}]`, rule)
  return (finding) => rules.some((rule) => applies(rule, finding))
}

function check(name: string, rule: IgnoreRule): void {
  requireObject(name, rule)
  rejectUnknown(`${name}.`, rule, ['kind', 'origin', 'scope', 'reason'])
  // Such a rule would ignore everything.
  if (Object.values(rule).every((value) => value === undefined)) {
    throw new OptionError(name, 'must have a kind, an origin, a scope or a reason', rule)
  }
  if (rule.kind !== undefined) oneOf(`${name}.kind`, rule.kind, findingKinds)
  for (const key of ['origin', 'scope', 'reason'] as const) {
    const pattern: unknown = rule[key]
    if (pattern === undefined || pattern instanceof RegExp) continue
    if (typeof pattern !== 'string' || pattern === '') {
      throw new OptionError(`${name}.${key}`, 'must be a text or a RegExp', pattern)
    }
  }
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

function matches(pattern: Pattern, text: string): boolean {
  // A RegExp with the flag g remembers where it was.
  return typeof pattern === 'string' ? text.includes(pattern) : text.search(pattern) !== -1
}
