using System.Linq.Expressions;
using System.Reflection;
using Coppice.Kernels.Gpu;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Ptx.Engine;

/// <summary>
/// Launches the kernels of a back end in the interpreter: the very text that a driver would be given, on the memory of the back end.
/// </summary>
/// <param name="architecture">"sm_80".</param>
/// <param name="options">What of the machine is chosen.</param>
internal sealed class PtxLoader(string architecture, MachineOptions? options = null) : KernelLoader
{
    private static readonly MethodInfo Launcher = typeof(PtxLoader).GetMethod(nameof(Launch),
        BindingFlags.Instance | BindingFlags.NonPublic)!;
    private readonly PtxMachine _machine = new(options);
    private readonly Dictionary<DeviceKernel, PtxKernel> _kernels = [];

    internal override string Name => $"ptx {architecture}";

    internal override int WarpSize => 32;

    internal override int MaxThreads => 1024;

    /// <summary>Called with the report of every launch; null, the default, throws where a report has a fault.</summary>
    internal Action<DeviceKernel, LaunchReport>? Receive { get; set; }

    /// <summary>Changes the text of a kernel before it is loaded; null for none.</summary>
    internal Func<DeviceKernel, string, string>? Rewrite { get; set; }

    /// <summary>Loads every kernel anew at its next launch.</summary>
    internal void Forget() => _kernels.Clear();

    internal override TLauncher Load<TLauncher>(MethodInfo method)
    {
        var kernel = KernelTexts.Of(method);
        var parameters = typeof(TLauncher).GetMethod("Invoke")!.GetParameters()
            .Select(parameter => Expression.Parameter(parameter.ParameterType)).ToArray();
        // The launcher passes the shape and the arguments on, boxed, and leaves out the stream.
        var arguments = Expression.NewArrayInit(typeof(object), parameters.Skip(2).Select(p => Expression.Convert(p, typeof(object))));
        var call = Expression.Call(Expression.Constant(this), Launcher, Expression.Constant(kernel), parameters[1], arguments);
        return Expression.Lambda<TLauncher>(call, parameters).Compile();
    }

    public override void Dispose() => _kernels.Clear();

    private void Launch(DeviceKernel kernel, KernelConfig config, object[] values)
    {
        if (!_kernels.TryGetValue(kernel, out var loaded))
        {
            var text = KernelTexts.Of(kernel, architecture);
            _kernels.Add(kernel, loaded = PtxKernel.Load(Rewrite?.Invoke(kernel, text) ?? text));
        }
        var arguments = new PtxArguments();
        foreach (var value in values) arguments.Add(value);
        var (grid, group) = (config.GridDim, config.GroupDim);
        var report = _machine.Run(loaded, (grid.X, grid.Y, grid.Z), (group.X, group.Y, group.Z), arguments.Bytes, arguments.Memory);
        if (Receive is { } receive) receive(kernel, report);
        else if (report.Faults.Count > 0)
            throw new InvalidOperationException($"{kernel.Name} on {Name}: {string.Join("; ", report.Faults)}");
    }
}
