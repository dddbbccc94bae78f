import { describeProcesses } from '../../compatibility/process-battery.ts'

describeProcesses(['observe', 'enforce'])
