dotnet restore Engine.sln
dotnet format Engine.sln --verify-no-changes --no-restore
dotnet build Engine.sln -c Release --no-restore
dotnet test Engine.sln -c Release --no-build
dotnet run --project bench/Coppice.Bench -c Release --no-build -- --profile Short
