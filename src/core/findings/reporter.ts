import type { Statistics } from '../statistics/statistics.ts'
import type { Finding } from './finding.ts'

/** An output that receives findings. What it throws is caught: a reporter cannot stop the guard. */
export interface Reporter {
  /** Gets every finding, also those beyond `reportsPerMinute`: a program that counts for itself. */
  readonly everything?: boolean
  /** A finding was opened; `outcome` is set if a remedy has acted on it already. */
  finding(finding: Finding): void
  /** A remedy acted on it after it was reported. */
  remedied?(finding: Finding): void
  /** It cleared. */
  resolved?(finding: Finding): void
  /** How long clients were held, where `reportStatistics` asks for it. */
  statistics?(statistics: Statistics): void
  /** Something worth knowing once that is no finding. */
  info?(message: string): void
}
