import { describeContracts } from './battery.ts'
import { libraries } from './libraries.ts'

describeContracts(libraries)
