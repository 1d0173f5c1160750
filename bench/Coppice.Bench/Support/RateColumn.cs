using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Coppice.Bench;

/// <summary>What one call of a benchmark must move and compute, from its parameters alone.</summary>
public interface IMeasuredWork
{
    /// <summary>Bytes read and written at least.</summary>
    double Bytes { get; }
    /// <summary>Multiplications and additions.</summary>
    double Flops { get; }
}

/// <summary>Work in a second, in 10⁹.</summary>
internal sealed class RateColumn(string name, Func<IMeasuredWork, double> amount) : IColumn
{
    public string Id => name;
    public string ColumnName => name;
    public bool AlwaysShow => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;
    public string Legend => $"{name} : what the call must move or compute, by its mean time";

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, SummaryStyle.Default);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        if (summary[benchmarkCase]?.ResultStatistics is not { } statistics) return "?";
        var work = (IMeasuredWork)Activator.CreateInstance(benchmarkCase.Descriptor.Type)!;
        foreach (var parameter in benchmarkCase.Parameters.Items)
            benchmarkCase.Descriptor.Type.GetProperty(parameter.Name)!.SetValue(work, parameter.Value);
        var perNanosecond = amount(work) / statistics.Mean;
        return perNanosecond == 0 ? "-" : perNanosecond.ToString(perNanosecond >= 100 ? "0" : "0.00", CultureInfo.InvariantCulture);
    }
}
