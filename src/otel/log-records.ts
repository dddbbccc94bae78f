import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { type Finding, isLeak, resolutionText } from '../core/findings/finding.ts'
import { isReported } from '../core/findings/repeats.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import type { Frame } from '../core/origin/origin.ts'
import { ownFrames } from '../core/origin/own-frames.ts'
import { attributeNames as attribute, eventNames } from './names.ts'

/**
 * The part of `@opentelemetry/api-logs` that is used. Structural, because its versions below 1 are incompatible with
 * each other in types, and any of them works.
 */
export interface LoggerProviderLike {
  getLogger(name: string): LoggerLike
}

interface LoggerLike {
  emit(record: {
    eventName: string
    timestamp: number
    severityNumber: number
    severityText: string
    body: string
    attributes: Record<string, string | number>
    context: Context
  }): void
}

/** Severity numbers of the log data model. */
const severities = { INFO: 9, WARN: 13, ERROR: 17 } as const

/** The logs API keeps the registered provider under this key, for this version of its interface. */
const globalKey = Symbol.for('io.opentelemetry.js.api.logs')
const globalVersion = 1

/** The provider that `logs.setGlobalLoggerProvider` has registered so far. */
export function globalLoggerProvider(): LoggerProviderLike | undefined {
  const find: unknown = Reflect.get(globalThis, globalKey)
  const provider: unknown = typeof find === 'function' ? find(globalVersion) : undefined
  return isLoggerProvider(provider) ? provider : undefined
}

function isLoggerProvider(value: unknown): value is LoggerProviderLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'getLogger' in value &&
    typeof value.getLogger === 'function'
  )
}

/** Emits each finding as a log record, in the trace in which the client was checked out. */
export function logRecordReporter(provider: () => LoggerProviderLike | undefined): Reporter {
  function emit(
    finding: Finding,
    eventName: string,
    severity: keyof typeof severities,
    timestamp: number,
    body: string,
  ): void {
    if (!isReported(finding.occurrences)) return
    provider()
      ?.getLogger('pg-lifeguard')
      .emit({
        eventName,
        timestamp,
        severityNumber: severities[severity],
        severityText: severity,
        body,
        attributes: findingAttributes(finding),
        context: contextOf(finding),
      })
  }

  return {
    finding(finding) {
      const severity = isLeak(finding) ? 'ERROR' : 'WARN'
      emit(finding, eventNames.finding, severity, finding.openedAt, finding.hint)
    },
    remedied(finding) {
      emit(finding, eventNames.remedied, 'WARN', Date.now(), finding.outcomeDetail ?? finding.outcome ?? '')
    },
    resolved(finding) {
      emit(finding, eventNames.resolved, 'INFO', finding.resolvedAt ?? Date.now(), resolutionText(finding))
    },
  }
}

/** The attributes of a finding for a log record or a span event. */
export function findingAttributes(finding: Finding): Record<string, string | number> {
  const { checkout, scope } = finding
  const frame = finding.origin ?? finding.transactionOrigin
  const stack = frame && ownFrames(frame).map(frameText).join('\n')
  return withoutUndefined({
    [attribute.kind]: finding.kind,
    [attribute.certainty]: finding.certainty,
    [attribute.pool]: finding.pool,
    [attribute.id]: finding.id,
    [attribute.fingerprint]: finding.fingerprint,
    [attribute.occurrences]: finding.occurrences,
    [attribute.remedy]: finding.remedy,
    [attribute.outcome]: finding.outcome,
    [attribute.outcomeDetail]: finding.outcomeDetail,
    [attribute.resolution]: finding.resolution,
    [attribute.pid]: checkout.pid,
    [attribute.held]: checkout.heldMillis / 1000,
    [attribute.transaction]: checkout.transaction,
    [attribute.query]: checkout.lastQuery,
    [attribute.file]: frame?.file,
    [attribute.line]: frame?.line,
    [attribute.column]: frame?.column,
    [attribute.function]: frame?.functionName,
    [attribute.stack]: stack,
    [attribute.scopeKind]: scope?.kind,
    [attribute.scopeName]: scope?.name,
    [attribute.scopeId]: scope?.id,
  })
}

function frameText(frame: Frame): string {
  const place = `${frame.file}:${frame.line}:${frame.column}`
  return `    at ${frame.functionName === undefined ? place : `${frame.functionName} (${place})`}`
}

function withoutUndefined(
  attributes: Record<string, string | number | undefined>,
): Record<string, string | number> {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string | number>
}

function contextOf({ traceId, spanId }: Finding): Context {
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT
  // It is unknown whether the trace was sampled; the finding is kept in any case.
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  })
}
