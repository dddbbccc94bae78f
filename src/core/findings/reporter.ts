import type { Statistics } from '../statistics/statistics.ts'
import type { Finding } from './finding.ts'

/** An output that receives findings. Its errors are caught, and become process warnings. */
export interface Reporter {
  /** True for a reporter that gets every finding, even beyond `reportsPerMinute`, because it counts itself. */
  readonly everything?: boolean
  /** A finding was opened. `outcome` is set if a remedy has acted on it already. */
  finding(finding: Finding): void
  /** A remedy acted on a finding after it was reported. */
  remedied?(finding: Finding): void
  /** A finding cleared. */
  resolved?(finding: Finding): void
  /** The hold statistics, on the occasions of the option `reportStatistics`. */
  statistics?(statistics: Statistics): void
  /** A notice that is not a finding. */
  info?(message: string): void
}
