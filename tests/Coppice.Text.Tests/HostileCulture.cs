using System.Globalization;
using System.Runtime.CompilerServices;

namespace Coppice.Text.Tests;

/// <summary>All tests run in a culture in which numbers look different, so that whatever asks the host's culture shows.</summary>
internal static class HostileCulture
{
    [ModuleInitializer]
    public static void Begin()
    {
        var culture = (CultureInfo)CultureInfo.CurrentCulture.Clone();
        culture.NumberFormat.NegativeSign = "minus";
        culture.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = culture;
        CultureInfo.DefaultThreadCurrentCulture = culture;
    }
}
