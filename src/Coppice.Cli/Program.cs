using System.CommandLine;
using System.CommandLine.Invocation;
using Coppice.Cli;

if (Environment.GetEnvironmentVariable("COPPICE_PERF_MAP") == "1") AppContext.SetSwitch("Coppice.Kernels.PerfMap", true);

// A prompt may begin with @ or -.
var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false };
var result = CoppiceCommand.Create().Parse(args, configuration);
using var output = new CommandOutput(json: true, verbose: false);
try
{
    if (result.Action is ParseErrorAction) throw Mistakes.Of(result);
    var invocation = new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null,
        Output = output.Results,
    };
    var status = result.Invoke(invocation);
    output.Flush();
    return status;
}
catch (Exception error)
{
    return Failure.Report(error, output);
}
