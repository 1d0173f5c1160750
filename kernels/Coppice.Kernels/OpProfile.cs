using System.Diagnostics;

namespace Coppice.Kernels;

/// <summary>How long each op takes and what it moves and computes, while it is set as <see cref="Backend.Profile"/>.</summary>
/// <remarks>
/// Every op is waited for before the next one begins, so that a GPU's times are each op's own with the launch and the wait in them, and
/// independent ops run one at a time. Rows come in the order in which their ops first ran. Used by the thread that holds the back end.
/// </remarks>
internal sealed class OpProfile
{
    private readonly Dictionary<(string Op, string Shape), OpTotal> _totals = [];
    private readonly List<OpTotal> _order = [];
    private string _op = "", _shape = "";
    private long _bytes, _flops, _start;
    private int? _launches;

    /// <summary>Begins an op, of which nothing but the name is known yet.</summary>
    internal void Begin(string op) => (_op, _shape, _bytes, _flops, _launches, _start) = (op, "", 0, 0, null, Stopwatch.GetTimestamp());

    /// <summary>Says what the op is about to do; the clock starts anew.</summary>
    /// <param name="bytes">Bytes that it must read and write at least.</param>
    /// <param name="flops">Multiplications and additions of products; those of element-wise ops are not counted.</param>
    /// <param name="shape">What tells calls of one op apart.</param>
    /// <param name="launches">Kernels that the GPU back end launches for it; null where it does not have the op.</param>
    internal void Work(long bytes, long flops = 0, string shape = "", int? launches = 1) =>
        (_bytes, _flops, _shape, _launches, _start) = (bytes, flops, shape, launches, Stopwatch.GetTimestamp());

    /// <summary>Ends the op that was begun last.</summary>
    /// <param name="launched">Kernels that were launched for it; null on devices that launch none, for which the plan counts.</param>
    internal void End(int? launched)
    {
        var ticks = Stopwatch.GetTimestamp() - _start;
        if (!_totals.TryGetValue((_op, _shape), out var total))
        {
            _totals.Add((_op, _shape), total = new OpTotal(_op, _shape));
            _order.Add(total);
        }
        total.Calls++;
        total.Bytes += _bytes;
        total.Flops += _flops;
        total.Ticks += ticks;
        total.Launches += launched ?? _launches;
    }

    /// <summary>What was counted since the last call, which begins anew.</summary>
    internal IReadOnlyList<OpTotal> Take()
    {
        OpTotal[] totals = [.. _order];
        _order.Clear();
        _totals.Clear();
        return totals;
    }
}

/// <summary>All calls of one op on one shape.</summary>
/// <param name="op">The op: the name of its method.</param>
/// <param name="shape">What tells calls of one op apart, or nothing.</param>
internal sealed class OpTotal(string op, string shape)
{
    /// <summary>The op and its shape, in words.</summary>
    internal string Name { get; } = shape.Length == 0 ? op : $"{op} {shape}";
    internal int Calls { get; set; }
    /// <summary>Bytes that it must read and write at least.</summary>
    internal long Bytes { get; set; }
    /// <summary>Multiplications and additions of products.</summary>
    internal long Flops { get; set; }
    /// <summary>Kernels that a GPU is asked to run; null where the GPU back end does not have the op.</summary>
    internal int? Launches { get; set; } = 0;
    internal long Ticks { get; set; }
    /// <summary>Time of all calls, in milliseconds.</summary>
    internal double Milliseconds => 1000.0 * Ticks / Stopwatch.Frequency;
}
