import type { Step } from './steps.ts'

export const racingSteps: readonly Step[] = []
